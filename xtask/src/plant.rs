//! `cargo xtask plant`: checks that the simulation finds bugs. They are planted one after another in a copy of the
//! sources, and the simulation must fail for each.

mod bugs;
mod simulation;
mod source_copy;

use anyhow::{Result, bail, ensure};

use self::{bugs::BUGS, simulation::Simulation};
use crate::workspace::Workspace;

/// A change of a source file. `text` must occur in it exactly once.
pub struct Edit {
    pub file: &'static str,
    pub text: &'static str,
    pub replacement: &'static str,
}

/// A bug to plant.
pub struct Bug {
    pub name: &'static str,
    pub edits: &'static [Edit],
}

/// The name of the simulation's test with faults.
pub const SIMULATION: &str = "devices_agree_despite_faults";
/// The simulation must find each bug within this number of seeds.
const MAX_SEEDS: u64 = 300;

/// Plants all bugs, or those with one of the arguments in their names.
pub fn plant(args: &[String]) -> Result<()> {
    let bugs = select(args);
    ensure!(!bugs.is_empty(), "no bug has such a name; usage: cargo xtask plant [part of a name ...]");
    find(&Simulation::new(&Workspace::locate()?)?, &bugs)
}

fn select(parts: &[String]) -> Vec<&'static Bug> {
    let is_selected =
        |bug: &&Bug| parts.is_empty() || parts.iter().any(|part| bug.name.contains(part.as_str()));
    BUGS.iter().filter(is_selected).collect()
}

/// Plants bugs one after another. The simulation must find all of them.
fn find(simulation: &Simulation, bugs: &[&Bug]) -> Result<()> {
    eprintln!("[0/{}] no bug: the simulation must pass ...", bugs.len());
    if let Some(failure) = simulation.run(MAX_SEEDS)? {
        bail!("run {} fails without a planted bug: {}", failure.runs, failure.message);
    }
    let mut missed = 0;
    let width = bugs.iter().map(|bug| bug.name.len()).max().unwrap_or_default();
    let mut table = format!("{:<width$}{:>13}  message\n", "bug", "found after");
    for (number, bug) in bugs.iter().enumerate() {
        eprintln!("[{}/{}] {} ...", number + 1, bugs.len(), bug.name);
        let (runs, message) = match simulation.run_with(bug, MAX_SEEDS)? {
            Some(failure) => (failure.runs.to_string(), failure.message),
            None => {
                missed += 1;
                ("never".into(), format!("passed {MAX_SEEDS} runs"))
            }
        };
        table.push_str(&format!("{:<width$}{runs:>13}  {message}\n", bug.name));
    }
    print!("{table}");
    ensure!(missed == 0, "{missed} of {} bugs were not found.", bugs.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn bugs_are_selected_by_parts_of_their_names() {
        let names = |parts: &[&str]| -> Vec<&str> {
            let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
            select(&parts).into_iter().map(|bug| bug.name).collect()
        };
        assert_eq!(names(&[]).len(), BUGS.len());
        assert_eq!(names(&["stale", "lanes"]), ["lanes crossing", "stale epoch accepted"]);
        assert_eq!(names(&["no such bug"]), [""; 0]);
    }

    #[test]
    fn every_text_occurs_exactly_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (bug, edit) in BUGS.iter().flat_map(|bug| bug.edits.iter().map(move |edit| (bug, edit))) {
            let text = fs::read_to_string(root.join(edit.file)).unwrap();
            assert_eq!(text.matches(edit.text).count(), 1, "{}: {:?} in {}", bug.name, edit.text, edit.file);
            assert_ne!(edit.text, edit.replacement);
        }
    }
}
