//! The table of goals: what was measured, and what it must be.

/// The goals that were measured.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    goal: String,
    measured: f64,
    must: f64,
    /// What is aimed at, if that is less.
    aim: Option<f64>,
}

impl Row {
    fn is_met(&self) -> bool {
        self.measured <= self.must
    }
}

impl Table {
    /// Adds a goal that is met by at most `must`.
    pub fn at_most(&mut self, goal: &str, measured: f64, must: f64) {
        self.rows.push(Row { goal: goal.into(), measured, must, aim: None });
    }

    /// Adds a goal as [`at_most`](Self::at_most) does, with a smaller value that is aimed at.
    pub fn with_aim(&mut self, goal: &str, measured: f64, must: f64, aim: f64) {
        self.rows.push(Row { goal: goal.into(), measured, must, aim: Some(aim) });
    }

    /// Prints the goals. Returns whether all of them are met.
    pub fn print(&self) -> bool {
        println!("\n{:<76}{:>12}{:>12}{:>12}", "goal", "measured", "must", "aim");
        for row in &self.rows {
            let aim = row.aim.map(format_value).unwrap_or_default();
            let missed = if row.is_met() { "" } else { "  MISSED" };
            let [measured, must] = [row.measured, row.must].map(format_value);
            println!("{:<76}{measured:>12}{must:>12}{aim:>12}{missed}", row.goal);
        }
        let missed = self.rows.iter().filter(|row| !row.is_met()).count();
        println!("\n{} goals, {missed} missed.", self.rows.len());
        missed == 0 && !self.rows.is_empty()
    }
}

/// A count without decimals; a ratio with two.
fn format_value(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
