//! Runs the simulation on the copy, and reads what it says.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{Bug, tree::Tree};
use crate::{place::Place, sh};

/// What a complaint is cut to, in characters.
const WORDS: usize = 80;

/// A run that has failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// It was the first, the second ...
    pub after: u64,
    pub complaint: String,
}

/// The copy, and where it is built.
#[derive(Debug)]
pub struct Hunt {
    place: Place,
    tree: Tree,
    build: PathBuf,
}

impl Hunt {
    pub fn begin(place: &Place) -> Result<Self> {
        let dir = place.target.join("plant");
        let tree = Tree::copy(place, dir.join("tree"))?;
        Ok(Self { place: place.clone(), tree, build: dir.join("build") })
    }

    /// As [`Hunt::run`], with a bug.
    pub fn of(&self, bug: &Bug, seeds: u64) -> Result<Option<Found>> {
        let before = self.tree.plant(bug)?;
        let found = self.run(seeds);
        self.tree.restore(before)?;
        found
    }

    /// Runs so many seeds, unless one fails before.
    pub fn run(&self, seeds: u64) -> Result<Option<Found>> {
        let test = ["test", "--quiet", "--package", "parlour-server", "--test", "sim"];
        // A bug that does not compile is not caught. One that does may leave something unused, which is not worth telling.
        let built = self.cargo(&test).arg("--no-run").output().context("cargo can't be started")?;
        if !built.status.success() {
            bail!("the simulation can't be built:\n{}", String::from_utf8_lossy(&built.stderr));
        }
        let mut command = self.cargo(&test);
        command.args(["with_faults", "--", "--nocapture"]);
        let output = command
            .env("PARLOUR_SIM_SEEDS", seeds.to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .context("the simulation can't be started")?;
        let words = String::from_utf8_lossy(&output.stderr);
        match (output.status.success(), found(&words)) {
            (true, _) => Ok(None),
            (false, Some(found)) => Ok(Some(found)),
            (false, None) => bail!("the simulation failed, and did not say at which seed:\n{words}"),
        }
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = sh::cargo(&self.place, args);
        command.current_dir(&self.tree.root).env("CARGO_TARGET_DIR", &self.build);
        for variable in ["PARLOUR_SIM_SEED", "PARLOUR_SIM_SECONDS", "PARLOUR_SIM_FIRST"] {
            command.env_remove(variable);
        }
        command
    }
}

/// Reads "seed 1007 failed, the 8. that was run", and the panic before it.
fn found(words: &str) -> Option<Found> {
    let lines: Vec<&str> = words.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("seed ") && line.contains(" failed, the "))?;
    let after = lines[at].split(" failed, the ").nth(1)?.split('.').next()?.parse().ok()?;
    let panic = lines[..at].iter().rposition(|line| line.contains(" panicked at "))?;
    let told = lines.get(panic + 1..at).unwrap_or_default();
    let mut complaint = told.first().copied().unwrap_or_default().to_owned();
    if let Some((_, whose)) = complaint.split_once(" failed: ") {
        // What two values were to be equal: the first is what was there.
        let left = told.iter().find_map(|line| line.trim_start().strip_prefix("left: ")).unwrap_or_default();
        complaint = format!("{whose}: {left}");
    }
    Some(Found { after, complaint: short(&complaint) })
}

fn short(text: &str) -> String {
    match text.char_indices().nth(WORDS) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_read() {
        let words = "\nthread '<unnamed>' (7) panicked at server/tests/sim/truth.rs:39:9:\nassertion `left == right` \
                     failed: user1\n  left: [\"was refused\"]\n right: []\nnote: run with\nseed 1007 failed, the 8. \
                     that was run; again: X\n";
        let found = found(words).unwrap();
        assert_eq!(found, Found { after: 8, complaint: "user1: [\"was refused\"]".into() });
        let words = "thread 'x' panicked at y:1:1:\nuser1: lost\nseed 3 failed, the 1. that was run\n";
        assert_eq!(super::found(words), Some(Found { after: 1, complaint: "user1: lost".into() }));
        assert_eq!(super::found("error: could not compile"), None);
    }
}
