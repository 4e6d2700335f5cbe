//! `cargo xtask plant`: checks that the simulation finds bugs. They are planted one after another in a copy of the
//! sources, and the simulation must fail for each.

mod simulation;
mod source_copy;

use anyhow::{Result, bail, ensure};

use self::simulation::Simulation;
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

/// The simulation must find each bug within this number of seeds.
const MAX_SEEDS: u64 = 1_000;

#[rustfmt::skip] // A table.
const BUGS: &[Bug] = &[
    Bug { name: "acknowledged before the append", edits: &[Edit {
        file: "server/src/hub/talk.rs",
        text: "        self.appends.push(Waiting { conn, entry });",
        replacement: "        let place = crate::log::Place { seq: self.lobby.tail.last() + 1, time: self.unix_ms };
        self.lobby.ack(conn, entry.id, place);
        self.appends.push(Waiting { conn, entry });",
    }] },
    Bug { name: "no deduplication by message id", edits: &[
        Edit {
            file: "server/src/log/sqlite/append.rs",
            text: " ON CONFLICT (id) DO NOTHING",
            replacement: "",
        },
        Edit {
            file: "server/src/log/sqlite/migrations/1.sql",
            text: "id BLOB NOT NULL UNIQUE",
            replacement: "id BLOB NOT NULL",
        },
    ] },
    Bug { name: "replay begins one message too late", edits: &[Edit {
        file: "server/src/hub/tail.rs",
        text: "partition_point(|(seq, _)| *seq <= after)",
        replacement: "partition_point(|(seq, _)| *seq <= after + 1)",
    }] },
    Bug { name: "resend in reverse order", edits: &[Edit {
        file: "core/src/outbox.rs",
        text: "self.entries.iter().find(waits)",
        replacement: "self.entries.iter().rev().find(waits)",
    }] },
    Bug { name: "no ordering after a refusal", edits: &[Edit {
        file: "server/src/hub/hold.rs",
        text: "if self.ids.is_empty() || now >= self.ready + WAITED_FOR {",
        replacement: "if true {",
    }] },
    Bug { name: "leaving is not published", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "self.lobby.note(nick, false);",
        replacement: "",
    }] },
    Bug { name: "lost connections stay in the member list", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "self.names.reserve(&peer.key);",
        replacement: "",
    }] },
    Bug { name: "position persisted without its messages", edits: &[
        Edit {
            file: "core/src/session/keep.rs",
            text: "self.changes.extend(std::mem::take(&mut self.fresh).iter().map(kept::message));",
            replacement: "self.fresh.clear();",
        },
        // Loading checks it a second time.
        Edit { file: "core/src/kept.rs", text: "if there != account.messages {", replacement: "if false {" },
    ] },
    Bug { name: "stored messages of a failed append unpublished", edits: &[Edit {
        file: "server/src/hub/history.rs",
        text: "            self.appends.asked();
            let what = What::Page(Start::After(self.lobby.tail.last()));",
        replacement: "            return self.appends.is_sure(self.now, true);
            #[allow(unreachable_code)]
            let what = What::Page(Start::After(self.lobby.tail.last()));",
    }] },
    Bug { name: "resend under a new message id", edits: &[Edit {
        file: "core/src/session/link.rs",
        text: "        for id in in_flight {
            self.outbox.set(id, stage);",
        replacement: "        for id in in_flight {
            let again = self.outbox.remove(id).map(|entry| crate::outbox::Entry {
                id: MessageId::new(u64::try_from(entry.time).unwrap_or(0), [id.0[15]; 10]),
                ..entry
            });
            let _ = again.map(|entry| self.outbox.push(entry));
            self.outbox.set(id, stage);",
    }] },
];

pub fn plant(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask plant");
    }
    let workspace = Workspace::locate()?;
    let simulation = Simulation::new(&workspace)?;
    eprintln!("[0/{}] no bug: the simulation must pass ...", BUGS.len());
    if let Some(failure) = simulation.run(MAX_SEEDS)? {
        bail!("run {} fails without a planted bug: {}", failure.runs, failure.message);
    }
    let mut missed = 0;
    let mut table = format!("{:<44}{:>12}  message\n", "bug", "found after");
    for (number, bug) in BUGS.iter().enumerate() {
        eprintln!("[{}/{}] {} ...", number + 1, BUGS.len(), bug.name);
        let (runs, message) = match simulation.run_with(bug, MAX_SEEDS)? {
            Some(failure) => (failure.runs.to_string(), failure.message),
            None => {
                missed += 1;
                ("never".into(), format!("passed {MAX_SEEDS} runs"))
            }
        };
        table.push_str(&format!("{:<44}{runs:>12}  {message}\n", bug.name));
    }
    print!("{table}");
    ensure!(missed == 0, "{missed} of {} bugs were not found.", BUGS.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

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
