//! `cargo xtask plant`: is the simulation worth anything? Bugs are planted one after another, in a copy of the sources,
//! and each must be caught.

mod hunt;
mod tree;

use anyhow::{Result, bail, ensure};

use self::hunt::Hunt;
use crate::place::Place;

/// A change of a source file: what is there exactly once, and what is put in its place.
pub struct Edit {
    pub file: &'static str,
    pub text: &'static str,
    pub instead: &'static str,
}

/// A bug.
pub struct Bug {
    pub name: &'static str,
    pub edits: &'static [Edit],
}

/// How many runs a bug may survive.
const SEEDS: u64 = 1_000;

#[rustfmt::skip] // A table.
const BUGS: &[Bug] = &[
    Bug { name: "acknowledged before it is appended", edits: &[Edit {
        file: "server/src/hub/message.rs",
        text: "        self.append_queue.push(PendingMessage { conn, message });",
        instead: "        let stamp = crate::store::Stamp { seq: self.lobby.recent.last() + 1, time: self.unix_ms };
        self.lobby.acknowledge(conn, message.id, stamp);
        self.append_queue.push(PendingMessage { conn, message });",
    }] },
    Bug { name: "the idempotency key is forgotten", edits: &[
        Edit {
            file: "server/src/store/sqlite/append.rs",
            text: " ON CONFLICT (id) DO NOTHING",
            instead: "",
        },
        Edit {
            file: "server/src/store/sqlite/migrations/1.sql",
            text: "id BLOB NOT NULL UNIQUE",
            instead: "id BLOB NOT NULL",
        },
    ] },
    Bug { name: "a replay begins one too late", edits: &[Edit {
        file: "server/src/hub/recent_messages.rs",
        text: "partition_point(|(seq, _)| *seq <= after)",
        instead: "partition_point(|(seq, _)| *seq <= after + 1)",
    }] },
    Bug { name: "the newest is sent again first", edits: &[Edit {
        file: "core/src/send_queue.rs",
        text: "self.messages.iter().find(is_unsent)",
        instead: "self.messages.iter().rev().find(is_unsent)",
    }] },
    Bug { name: "nothing is waited for after a refusal", edits: &[Edit {
        file: "server/src/hub/sender_order.rs",
        text: "if self.ids.is_empty() || now >= self.retry_at + RESEND_TIMEOUT_MS {",
        instead: "if true {",
    }] },
    Bug { name: "nobody is told who has gone", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "self.lobby.note_presence(nick, false);",
        instead: "",
    }] },
    Bug { name: "who was lost stays on the list", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "self.nicks.reserve(&peer.key);",
        instead: "",
    }] },
    Bug { name: "kept as known, without its messages", edits: &[
        Edit {
            file: "core/src/session/persistence.rs",
            text: "self.changes.extend(std::mem::take(&mut self.unwritten).values().map(persist::put_message));",
            instead: "self.unwritten.clear();",
        },
        // There is a second line of defence.
        Edit { file: "core/src/persist.rs", text: "if found != account.messages {", instead: "if false {" },
    ] },
    Bug { name: "what a failed append has taken is not said", edits: &[Edit {
        file: "server/src/hub/history.rs",
        text: "            self.append_queue.resolving();
            let kind = QueryKind::Page(PageStart::After(self.lobby.recent.last()));",
        instead: "            return self.append_queue.resolved(self.now, true);
            #[allow(unreachable_code)]
            let kind = QueryKind::Page(PageStart::After(self.lobby.recent.last()));",
    }] },
    Bug { name: "another attempt is another message", edits: &[Edit {
        file: "core/src/session/sending.rs",
        text: "        for id in in_flight {
            self.send_queue.set(id, stage);",
        instead: "        for id in in_flight {
            let again = self.send_queue.remove(id).map(|entry| crate::send_queue::QueuedMessage {
                id: MessageId::new(u64::try_from(entry.time).unwrap_or(0), [id.0[15]; 10]),
                ..entry
            });
            let _ = again.map(|entry| self.send_queue.push(entry));
            self.send_queue.set(id, stage);",
    }] },
];

pub fn plant(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask plant");
    }
    let place = Place::find()?;
    let hunt = Hunt::begin(&place)?;
    eprintln!("[0/{}] nothing is planted, so nothing must be found ...", BUGS.len());
    if let Some(found) = hunt.run(SEEDS)? {
        bail!("run {} fails without a bug: {}", found.after, found.complaint);
    }
    let mut missed = 0;
    let mut table = format!("{:<44}{:>12}  what it complains of\n", "bug", "caught after");
    for (number, bug) in BUGS.iter().enumerate() {
        eprintln!("[{}/{}] {} ...", number + 1, BUGS.len(), bug.name);
        let (after, complaint) = match hunt.of(bug, SEEDS)? {
            Some(found) => (found.after.to_string(), found.complaint),
            None => {
                missed += 1;
                ("never".into(), format!("nothing, in {SEEDS} runs"))
            }
        };
        table.push_str(&format!("{:<44}{after:>12}  {complaint}\n", bug.name));
    }
    print!("{table}");
    ensure!(missed == 0, "{missed} of {} bugs were not caught.", BUGS.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_text_is_still_there_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (bug, edit) in BUGS.iter().flat_map(|bug| bug.edits.iter().map(move |edit| (bug, edit))) {
            let text = fs::read_to_string(root.join(edit.file)).unwrap();
            assert_eq!(text.matches(edit.text).count(), 1, "{}: {:?} in {}", bug.name, edit.text, edit.file);
            assert_ne!(edit.text, edit.instead);
        }
    }
}
