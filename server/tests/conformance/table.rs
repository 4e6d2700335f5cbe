//! The table of expected and actual responses.

use std::fmt::Display;

/// The rows.
#[derive(Debug, Default)]
pub struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Prints a row, and records it if the response is wrong.
    pub fn row<A: Display + PartialEq>(&mut self, section: &str, what: &str, wanted: &A, answer: &A) {
        if self.rows == 0 {
            println!("{:<8}{:<64}answer", "section", "case");
        }
        self.rows += 1;
        let mut line = format!("{section:<8}{what:<64}{answer}");
        if wanted != answer {
            line.push_str(&format!("   WRONG, should be: {wanted}"));
            self.wrong.push(line.clone());
        }
        println!("{line}");
    }

    /// Prints the summary.
    ///
    /// # Panics
    /// With all wrong responses, if there are any.
    pub fn done(self) {
        println!("{} cases, {} wrong", self.rows, self.wrong.len());
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
    }
}
