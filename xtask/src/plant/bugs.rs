//! The bugs that the simulation must find.

use super::{Bug, Edit};

#[rustfmt::skip] // A table.
pub const BUGS: &[Bug] = &[
    Bug { name: "cursor not merged by max", edits: &[Edit {
        file: "core/src/client/cursor.rs",
        text: "self.max(other)",
        replacement: "other",
    }] },
    Bug { name: "activity told again after a subscription", edits: &[Edit {
        file: "server/src/hub/rooms/subscriptions.rs",
        text: "viewer.activity.told(key, head_ord, live.spread.ord),",
        replacement: "{ let _ = head_ord; }",
    }] },
    Bug { name: "ord given to a non-message", edits: &[
        Edit {
            file: "server/src/store/sqlite/projector.rs",
            text: "ord: head.ord + u64::from(entry.is_message()),",
            replacement: "ord: head.ord + u64::from(matches!(entry, Entry::Message { .. } | Entry::SetTopic { .. })),",
        },
        Edit {
            file: "server/src/store/sqlite/projector/apply.rs",
            text: "Entry::SetTopic { topic } => self.rooms.set_topic(event.log, topic)?,",
            replacement: "Entry::SetTopic { topic } => {
                head.add_message(event.ord, event.time);
                self.rooms.set_topic(event.log, topic)?;
            }",
        },
    ] },
    Bug { name: "authorisation not checked at its place", edits: &[Edit {
        file: "server/src/store/sqlite/projector/decide.rs",
        text: "                allows(role, room.kind, room.archived, Action::Post)?;
",
        replacement: "                let _ = role;
",
    }] },
    Bug { name: "follower's command done twice", edits: &[Edit {
        file: "core/src/client/tabs/follower/commands.rs",
        text: ".map(|at| self.commands.remove(at));
        let command",
        replacement: ".map(|at| self.commands[at].clone());
        let command",
    }] },
    Bug { name: "lanes crossing", edits: &[Edit {
        file: "core/src/client/send_queue.rs",
        text: "        self.lanes.remove(&room).map(|lane| lane.queue.iter().cloned().collect()).unwrap_or_default()",
        replacement: "        let _ = room;
        std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.queue.iter().cloned().collect::<Vec<_>>()).collect()",
    }] },
    Bug { name: "projector reads a clock", edits: &[Edit {
        file: "server/src/store/sqlite/projector.rs",
        text: "            id,
            time,
            gseq",
        replacement: "            id,
            time: time.max(std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_millis() as i64)),
            gseq",
    }] },
    Bug { name: "ids unique across senders", edits: &[
        Edit {
            file: "server/src/store/sqlite/events.rs",
            text: "ON CONFLICT (client_id, sender) DO NOTHING",
            replacement: "ON CONFLICT (client_id) DO NOTHING",
        },
        Edit {
            file: "server/src/store/sqlite/migrations/6.sql",
            text: "UNIQUE (client_id, sender)",
            replacement: "UNIQUE (client_id)",
        },
    ] },
    Bug { name: "removed member keeps its subscription", edits: &[Edit {
        file: "server/src/hub/rooms/lists.rs",
        text: "            self.unsubscribe(conn, room);
            if let Some(viewer) = self.viewers.get_mut(conn) {
                viewer.activity.forget(room);
            }",
        replacement: "            if let Some(viewer) = self.viewers.get_mut(conn) {
                viewer.activity.forget(room);
            }",
    }] },
    Bug { name: "cursor not told to other tabs", edits: &[Edit {
        file: "core/src/client.rs",
        text: "            self.report_cursors();
",
        replacement: "",
    }] },
    Bug { name: "mute not told to its own connection", edits: &[Edit {
        file: "server/src/hub/rooms/reading.rs",
        text: "self.send_row(key, room, None, out);",
        replacement: "self.send_row(key, room, Some(conn), out);",
    }] },
    Bug { name: "people of a DIRECT room with its own account", edits: &[Edit {
        file: "server/src/hub/rooms/rows.rs",
        text: ".filter(|(account, _)| *account != viewer)",
        replacement: ".filter(|_| viewer.0[0] < 128)",
    }] },
    Bug { name: "outdated nick makes another account", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "        let session = self.sessions.get(&hash).cloned();",
        replacement: "        let is_same = |of| self.accounts.get(of).is_some_and(|account| *account.key == *key);
        let session = self.sessions.get(&hash).filter(|session| is_same(session.account)).cloned();",
    }] },
    Bug { name: "commands lost when a follower leads", edits: &[Edit {
        file: "core/src/client/tabs/follower/promotion.rs",
        text: "*number != 0 || command.room() != *room",
        replacement: "*number == u32::MAX || command.room() != *room",
    }] },
    Bug { name: "stale epoch accepted", edits: &[Edit {
        file: "server/src/hub/login.rs",
        text: "let is_same_log = login.log == self.log;",
        replacement: "let is_same_log = true;",
    }] },
    Bug { name: "reset that keeps old pages", edits: &[Edit {
        file: "core/src/client/room.rs",
        text: "        self.known.clear();
        self.position = 0;",
        replacement: "        self.position = 0;",
    }] },
    Bug { name: "rooms of another log stay", edits: &[Edit {
        file: "core/src/client/account.rs",
        text: "            former.insert(*room);
",
        replacement: "",
    }] },
    Bug { name: "message that the device does not have lost by a new leader", edits: &[Edit {
        file: "core/src/client/tabs/follower/messages.rs",
        text: "Some(sent) if sent.is_reported && is_complete =>",
        replacement: "Some(sent) if sent.is_reported && is_complete && is_basic =>",
    }] },
    Bug { name: "messages forgotten by a leader that hung", edits: &[Edit {
        file: "core/src/client/tabs/follower/promotion.rs",
        text: "_ => follower.remember_queued(now, room, queued.clone()),",
        replacement: "_ => {}",
    }] },
    Bug { name: "moved cursor of a login taken for stored", edits: &[Edit {
        file: "server/src/hub/rooms/row_sending.rs",
        text: "let cursor_unsaved = membership.is_unsaved || membership.written_in > self.stored_batch;",
        replacement: "let cursor_unsaved = false;",
    }] },
    Bug { name: "account kept on the device if its logout could not be written", edits: &[Edit {
        file: "core/src/persist/scope.rs",
        text: "self.set(scope, Some(Owner { nick, account: None, is_left: true }))",
        replacement: "self.set(scope, Some(Owner { nick, account: None, is_left: false }))",
    }] },
    Bug { name: "leader that hangs not replaced", edits: &[Edit {
        file: "core/src/client/tabs/watch.rs",
        text: "        if now >= asked + self.patience() {",
        replacement: "        if now >= asked + self.patience() && self.lock_refused {",
    }] },
    Bug { name: "departure published before the last messages", edits: &[Edit {
        file: "server/src/hub/departure.rs",
        text: "if self.append_queue.is_settled(last_batch) {",
        replacement: "if self.append_queue.is_settled(last_batch) || true {",
    }] },
    Bug { name: "first message after all were deleted", edits: &[Edit {
        file: "server/src/store/sqlite/retention.rs",
        text: "ifnull(?2, head_ord + 1)",
        replacement: "ifnull(?2, 1)",
    }] },
    Bug { name: "room without its new oldest message", edits: &[Edit {
        file: "server/src/store/sqlite/retention.rs",
        text: "        messages_deleted(connection, number)?;
",
        replacement: "        let _ = number;
",
    }] },
    Bug { name: "evicted messages not loaded again", edits: &[Edit {
        file: "core/src/client/room.rs",
        text: "        self.known.remove(range.from, range.to);
",
        replacement: "        let _ = range;
",
    }] },
    Bug { name: "names of public rooms not filtered", edits: &[Edit {
        file: "server/src/store/sqlite/room_list.rs",
        text: "if row.get_ref(1)?.as_str()?.contains(&query) {",
        replacement: "if row.get_ref(1)?.as_str()?.contains(&query) || true {",
    }] },
    Bug { name: "former members listed", edits: &[
        Edit {
            file: "server/src/store/sqlite/people.rs",
            text: "WHERE room = ?1 AND role > 0 AND nick_key >= ?2",
            replacement: "WHERE room = ?1 AND nick_key >= ?2",
        },
        Edit {
            file: "server/src/store/sqlite/people.rs",
            text: "WHERE role > 0 AND nick_key >= ?2",
            replacement: "WHERE nick_key >= ?2",
        },
    ] },
    Bug { name: "search misses the first message that is not indexed", edits: &[Edit {
        file: "server/src/store/sqlite/search.rs",
        text: "within(room.indexed + 1, newest)",
        replacement: "within(room.indexed + 2, newest)",
    }] },
    Bug { name: "seek to a time finds the message after it", edits: &[Edit {
        file: "server/src/store/sqlite/page.rs",
        text: "self.around_seq(message_key::parts(found).1, size)",
        replacement: "self.around_seq(message_key::parts(found).1 + 1, size)",
    }] },
    Bug { name: "messages of others edited by everybody", edits: &[Edit {
        file: "server/src/store/sqlite/projector/decide.rs",
        text: "            may(Action::ChangeMessage)?;
",
        replacement: "",
    }] },
    Bug { name: "edit lost by the tab that has the message", edits: &[Edit {
        file: "core/src/client/room/sync.rs",
        text: "        self.updates.push_back(TimelineUpdate::Changed(message));",
        replacement: "        if message.ord % 3 > 0 {
            self.updates.push_back(TimelineUpdate::Changed(message));
        }",
    }] },
    Bug { name: "reactions of others taken for own ones", edits: &[Edit {
        file: "core/src/client/room/sync.rs",
        text: ".filter(|by| self.me == UserId::from_wire(&by.account))",
        replacement: ".filter(|_| self.me.is_some())",
    }] },
    Bug { name: "removed reactions counted", edits: &[Edit {
        file: "server/src/store/sqlite/reactions.rs",
        text: "SET count = count - 1",
        replacement: "SET count = count - (first % 2)",
    }] },
];
