//! The table: what was asked for, and what came.

use std::fmt::Display;

/// Rows as they come.
#[derive(Debug, Default)]
pub struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Prints a row, and remembers it when the answer is not the one wanted.
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

    /// Prints the sum.
    ///
    /// # Panics
    /// When an answer was wrong, with all that were.
    pub fn done(self) {
        println!("{} cases, {} wrong", self.rows, self.wrong.len());
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
    }
}
