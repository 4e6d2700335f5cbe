//! Runs the simulation in the copy of the sources, and parses its output.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use super::{Bug, SIMULATION, source_copy::SourceCopy};
use crate::{process, workspace::Workspace};

/// The length to which messages are shortened, in characters.
const MESSAGE_CHARS: usize = 80;

/// The first seed that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number of seeds that were run, this one included.
    pub runs: u64,
    pub message: String,
}

/// The simulation of the copied sources.
#[derive(Debug)]
pub struct Simulation {
    workspace: Workspace,
    sources: SourceCopy,
    target: PathBuf,
}

impl Simulation {
    pub fn new(workspace: &Workspace) -> Result<Self> {
        let dir = workspace.target.join("plant");
        let sources = SourceCopy::update(workspace, dir.join("tree"))?;
        Ok(Self { workspace: workspace.clone(), sources, target: dir.join("build") })
    }

    /// Runs the simulation with a planted bug; see [`Simulation::run`].
    pub fn run_with(&self, bug: &Bug, seeds: u64) -> Result<Option<Failure>> {
        let originals = self.sources.plant(bug)?;
        let failure = self.run(seeds);
        self.sources.restore(originals)?;
        failure
    }

    /// Runs this number of seeds, or fewer if one fails.
    pub fn run(&self, seeds: u64) -> Result<Option<Failure>> {
        let test = ["test", "--quiet", "--package", "parlour-server", "--test", "sim"];
        // A bug that does not compile proves nothing. Warnings are not shown, because a bug may leave code unused.
        let built = self.cargo(&test).arg("--no-run").output().context("cargo cannot be started")?;
        if !built.status.success() {
            bail!("the simulation cannot be built:\n{}", String::from_utf8_lossy(&built.stderr));
        }
        let mut command = self.cargo(&test);
        command.args([SIMULATION, "--", "--nocapture"]);
        let output = command
            .env("PARLOUR_SIM_SEEDS", seeds.to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .context("the simulation cannot be started")?;
        let text = String::from_utf8_lossy(&output.stderr);
        match (output.status.success(), parse_failure(&text)) {
            (true, _) => Ok(None),
            (false, Some(failure)) => Ok(Some(failure)),
            (false, None) => bail!("the simulation failed, and its output has no seed:\n{text}"),
        }
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = process::cargo(&self.workspace, args);
        command.current_dir(&self.sources.root).env("CARGO_TARGET_DIR", &self.target);
        for variable in ["PARLOUR_SIM_SEED", "PARLOUR_SIM_SECONDS", "PARLOUR_SIM_FIRST"] {
            command.env_remove(variable);
        }
        command
    }
}

/// Parses "seed 1007 failed in run 8; ...", and the panic before it.
fn parse_failure(text: &str) -> Option<Failure> {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("seed ") && line.contains(" failed in run "))?;
    let runs = lines[at].split(" failed in run ").nth(1)?.split(';').next()?.parse().ok()?;
    let panic = lines[..at].iter().rposition(|line| line.contains(" panicked at "))?;
    let details = lines.get(panic + 1..at).unwrap_or_default();
    let mut message = details.first().copied().unwrap_or_default().to_owned();
    if let Some((_, subject)) = message.split_once(" failed: ") {
        // A failed `assert_eq!`, whose left side is the actual value.
        let left =
            details.iter().find_map(|line| line.trim_start().strip_prefix("left: ")).unwrap_or_default();
        message = format!("{subject}: {left}");
    }
    Some(Failure { runs, message: shorten(&message) })
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_message_are_parsed() {
        let text = "\nthread '<unnamed>' (7) panicked at server/tests/sim/rooms/check.rs:39:9:\nassertion `left == right` \
                     failed: user1\n  left: [\"was refused\"]\n right: []\nnote: run with\nseed 1007 failed in run 8; \
                     repeat it with: X\n";
        let failure = parse_failure(text).unwrap();
        assert_eq!(failure, Failure { runs: 8, message: "user1: [\"was refused\"]".into() });
        let text = "thread 'x' panicked at y:1:1:\nuser1: lost\nseed 3 failed in run 1; repeat it with: X\n";
        assert_eq!(parse_failure(text), Some(Failure { runs: 1, message: "user1: lost".into() }));
        assert_eq!(parse_failure("error: could not compile"), None);
    }
}
