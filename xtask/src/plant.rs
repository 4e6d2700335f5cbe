//! `cargo xtask plant`: checks that the simulations find bugs. They are planted one after another in a copy of the
//! sources, and the simulation must fail for each.

mod rooms;
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
/// The same for the simulation of accounts and rooms.
const MAX_ROOM_SEEDS: u64 = 100;

#[rustfmt::skip] // A table.
const BUGS: &[Bug] = &[
    Bug { name: "acknowledged before the append", edits: &[Edit {
        file: "server/src/hub/message.rs",
        text: "        let origin = Origin::Message { conn, nick };",
        replacement: "        let seq = self.rooms.head_seq(room).unwrap_or(0) + 1;
        self.lobby.acknowledge(conn, id, seq, self.unix_ms);
        let origin = Origin::Message { conn, nick };",
    }] },
    Bug { name: "no deduplication by message id", edits: &[
        Edit {
            file: "server/src/store/sqlite/events.rs",
            text: "
                 ON CONFLICT (client_id, sender) DO NOTHING",
            replacement: "",
        },
        Edit {
            file: "server/src/store/sqlite/migrations/6.sql",
            text: ",
    -- Ids begin with their time, so new ones are adjacent in the index, whoever has sent them.
    UNIQUE (client_id, sender)",
            replacement: "",
        },
    ] },
    Bug { name: "resend in reverse order", edits: &[Edit {
        file: "core/src/send_queue.rs",
        text: "self.messages.iter().find(is_unsent)",
        replacement: "self.messages.iter().rev().find(is_unsent)",
    }] },
    Bug { name: "no ordering after a refusal", edits: &[Edit {
        file: "server/src/hub/sender_order.rs",
        text: "if self.ids.is_empty() || now >= self.retry_at + RESEND_TIMEOUT_MS {",
        replacement: "if true {",
    }] },
    Bug { name: "leaving is not published", edits: &[Edit {
        file: "server/src/hub/departure.rs",
        text: "self.lobby.members_changed();",
        replacement: "",
    }] },
    Bug { name: "lost connections stay in the member list", edits: &[Edit {
        file: "server/src/hub/departure.rs",
        text: "self.nicks.reserve(key, account);",
        replacement: "",
    }] },
    Bug { name: "position persisted without its messages", edits: &[
        Edit {
            file: "core/src/session/persistence.rs",
            text: "self.changes.extend(unwritten.values().map(|message| persist::put_message(message, account.epoch)));",
            replacement: "drop(unwritten);",
        },
        // Loading would detect the missing messages, so this check is removed too.
        Edit { file: "core/src/persist.rs", text: "if found != account.messages {", replacement: "if false {" },
    ] },
    Bug { name: "stored messages of a failed append unpublished", edits: &[Edit {
        file: "server/src/hub/resolution.rs",
        text: "            if event.place.seq > self.rooms.head_seq(room).unwrap_or(0) {",
        replacement: "            if false {",
    }] },
    Bug { name: "resend under a new message id", edits: &[Edit {
        file: "core/src/session/sending.rs",
        text: "        for id in in_flight {
            self.send_queue.set(id, stage);",
        replacement: "        for id in in_flight {
            let again = self.send_queue.remove(id).map(|entry| crate::send_queue::QueuedMessage {
                id: MessageId::new(u64::try_from(entry.time).unwrap_or(0), [id.0[15]; 10]),
                ..entry
            });
            let _ = again.map(|entry| self.send_queue.push(entry));
            self.send_queue.set(id, stage);",
    }] },
    Bug { name: "secret survives leaving", edits: &[Edit {
        file: "core/src/session/leaving.rs",
        text: "let secret = std::mem::take(&mut self.secret);",
        replacement: "let secret = self.secret.clone();",
    }] },
    Bug { name: "reconnecting refills the rate limits", edits: &[Edit {
        file: "server/src/hub/departure.rs",
        text: "self.recovering_limits.put(self.now, c.address, account, online.limits);",
        replacement: "",
    }] },
    Bug { name: "strangers displace lost sessions", edits: &[
        Edit {
            file: "server/src/hub/sessions.rs",
            text: "of_address.excess(self.limits.per_address).or_else(|| self.lost.excess(self.limits.total))?;",
            replacement: "self.lost.excess(self.limits.total).filter(|_| !of_address.0.is_empty())?;",
        },
        Edit {
            file: "server/src/hub/sessions.rs",
            text: "let place = (session.has_sent, self.last_number);",
            replacement: "let place = (false, self.last_number);",
        },
        Edit {
            file: "server/src/hub/sessions.rs",
            text: "let place = (session.has_sent, lost.number);",
            replacement: "let place = (false, lost.number);",
        },
    ] },
    Bug { name: "poison message sent for ever", edits: &[
        Edit { file: "core/src/send_queue.rs", text: "if self.too_big >= MAX_TOO_BIG {", replacement: "if false {" },
        Edit { file: "core/src/send_queue.rs", text: "(self.ended >= MAX_ENDED).then_some", replacement: "false.then_some" },
    ] },
    Bug { name: "known ranges of a replaced log stay known", edits: &[Edit {
        file: "core/src/session/history.rs",
        text: "        history.known.clear();
        history.last_message = None;",
        replacement: "        history.last_message = None;",
    }] },
    Bug { name: "retention by a clock that jumped", edits: &[Edit {
        file: "server/src/store/retention_clock.rs",
        text: "State::Ahead(_) | State::Behind(_) => expected,",
        replacement: "State::Ahead(_) | State::Behind(_) => wall,",
    }] },
    Bug { name: "reservation released when the room is full", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "        let free = self.nicks.check_for(&nick, Some(account));",
        replacement: "        self.nicks.release(&validate::nick_key(&nick), None);
        let free = self.nicks.check_for(&nick, Some(account));",
    }] },
    Bug { name: "departure before the last messages", edits: &[Edit {
        file: "server/src/hub/departure.rs",
        text: "if self.append_queue.is_settled(last_batch) {",
        replacement: "if true {",
    }] },
    Bug { name: "tab that hangs is followed for ever", edits: &[Edit {
        file: "core/src/client/tabs/watch.rs",
        text: "if now >= asked + self.patience() {",
        replacement: "if false {",
    }] },
    Bug { name: "rate limits of the gone are kept", edits: &[Edit {
        file: "server/src/hub.rs",
        text: "        self.recovering_limits.expire(now);
",
        replacement: "",
    }] },
];

/// The simulations: the name on the command line, the filter of the test, the number of seeds, and the bugs to find.
const SIMULATIONS: &[(&str, &str, u64, &[Bug])] = &[
    ("sim", "with_faults", MAX_SEEDS, BUGS),
    ("rooms", "devices_agree_despite_faults", MAX_ROOM_SEEDS, rooms::BUGS),
];

pub fn plant(args: &[String]) -> Result<()> {
    let is_meant = |name: &str| args.is_empty() || *args == [name];
    if !SIMULATIONS.iter().any(|(name, ..)| is_meant(name)) {
        bail!("usage: cargo xtask plant [sim|rooms]");
    }
    let workspace = Workspace::locate()?;
    for (_, test, seeds, bugs) in SIMULATIONS.iter().filter(|(name, ..)| is_meant(name)) {
        find(&Simulation::new(&workspace, test)?, bugs, *seeds)?;
    }
    Ok(())
}

/// Plants bugs one after another. The simulation must find all of them.
fn find(simulation: &Simulation, bugs: &[Bug], seeds: u64) -> Result<()> {
    eprintln!("[0/{}] no bug: the simulation must pass ...", bugs.len());
    if let Some(failure) = simulation.run(seeds)? {
        bail!("run {} fails without a planted bug: {}", failure.runs, failure.message);
    }
    let mut missed = 0;
    let mut table = format!("{:<44}{:>12}  message\n", "bug", "found after");
    for (number, bug) in bugs.iter().enumerate() {
        eprintln!("[{}/{}] {} ...", number + 1, bugs.len(), bug.name);
        let (runs, message) = match simulation.run_with(bug, seeds)? {
            Some(failure) => (failure.runs.to_string(), failure.message),
            None => {
                missed += 1;
                ("never".into(), format!("passed {seeds} runs"))
            }
        };
        table.push_str(&format!("{:<44}{runs:>12}  {message}\n", bug.name));
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
    fn every_text_occurs_exactly_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let bugs = SIMULATIONS.iter().flat_map(|(.., bugs)| bugs.iter());
        for (bug, edit) in bugs.flat_map(|bug| bug.edits.iter().map(move |edit| (bug, edit))) {
            let text = fs::read_to_string(root.join(edit.file)).unwrap();
            assert_eq!(text.matches(edit.text).count(), 1, "{}: {:?} in {}", bug.name, edit.text, edit.file);
            assert_ne!(edit.text, edit.replacement);
        }
    }
}
