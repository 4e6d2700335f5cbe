//! The random actions of users.

use parlour_core::{
    client::{Command, MessageTarget, PageStart, RoomChange, tabs::TabCommand},
    model::{Delivery, MessageId, Role, RoomId, RoomKind, UserId},
};

use super::{actions::about_failed, privacy::mark, tab::Action, world::World};
use crate::network::POISON;

/// With this many rooms no more are created.
const MAX_ROOMS: usize = 14;

/// A room in the list of a tab.
#[derive(Clone, Copy)]
struct Listed {
    room: RoomId,
    kind: RoomKind,
    role: Role,
    head: u64,
    read: u64,
}

impl World {
    /// A user does something in a tab.
    pub fn act_randomly(&mut self, at: usize) {
        match self.rng.below(100) {
            0..28 => self.send_somewhere(at),
            28..32 => {
                let room = self.room_of(at, |listed| listed.role.is_member());
                (0..self.rng.below(12)).for_each(|_| self.send(at, room));
            }
            32..42 => {
                let room = self.room_of(at, |listed| listed.role.is_member());
                self.user(at, Action::Open(room));
            }
            42..60 => self.read_something(at),
            60..64 => self.load_something(at),
            64..66 => self.handle_failed(at),
            66 => self.unsubscribe(at),
            70..75 => self.change_message(at),
            75..80 => self.react(at),
            67..70 if self.plan.logouts && self.faults => self.user(at, Action::LogOut),
            _ => {
                if let Some(command) = self.change_something(at) {
                    self.user(at, Action::Server(command));
                }
            }
        }
    }

    fn listed(&self, at: usize) -> Vec<Listed> {
        let Some(state) = self.tabs[at].state() else { return Vec::new() };
        let listed = state.account().rooms().map(|entry| Listed {
            room: entry.room,
            kind: entry.kind,
            role: entry.role,
            head: entry.head(),
            read: entry.cursor().ord,
        });
        listed.collect()
    }

    /// A random room of the list; the lobby if there is no such one.
    fn listed_room(&mut self, at: usize, is_meant: impl Fn(&Listed) -> bool) -> Listed {
        let mut listed = self.listed(at);
        listed.retain(is_meant);
        let lobby =
            Listed { room: RoomId::LOBBY, kind: RoomKind::Lobby, role: Role::Member, head: 0, read: 0 };
        let index = self.rng.index(listed.len());
        listed.get(index).copied().unwrap_or(lobby)
    }

    fn room_of(&mut self, at: usize, is_meant: impl Fn(&Listed) -> bool) -> RoomId {
        self.listed_room(at, is_meant).room
    }

    /// A random room, whether the account is in it or not.
    fn any_room(&mut self, at: usize) -> RoomId {
        let rooms = &self.log_of(at).rooms;
        let count = rooms.len();
        let index = self.rng.index(count);
        self.log_of(at).rooms.keys().nth(index).copied().unwrap_or(RoomId::LOBBY)
    }

    /// An account on the server of a tab, whether somebody is logged in to it or not.
    fn any_account(&mut self, at: usize) -> Option<UserId> {
        let server = self.server_of(at);
        let users = self.users.iter().filter(|user| user.server == server);
        let accounts: Vec<_> = users.filter_map(|user| user.account).collect();
        accounts.get(self.rng.index(accounts.len())).copied()
    }

    /// A new id; sometimes one that another account has used.
    fn new_id(&mut self, at: usize) -> MessageId {
        let own = self.tabs[at].account;
        if self.rng.once_in(12)
            && let Some(((sender, id), _)) = self.ledger.sent.last()
            && Some(*sender) != own
            && self.used_ids.insert((own, *id))
        {
            self.tally.count("ids of other accounts");
            return *id;
        }
        let mut random = [0; 10];
        random[6..].copy_from_slice(&self.next_number().to_be_bytes());
        let id = MessageId::new(u64::try_from(self.clocks(at).unix).unwrap(), random);
        self.used_ids.insert((own, id));
        id
    }

    fn send_somewhere(&mut self, at: usize) {
        let room = match self.rng.below(10) {
            0 => self.any_room(at),
            1..4 => self.tabs[at].open.unwrap_or(RoomId::LOBBY),
            _ => self.room_of(at, |listed| listed.role.is_member()),
        };
        self.send(at, room);
    }

    /// A user sends a message, whose text tells the room.
    pub fn send(&mut self, at: usize, room: RoomId) {
        let id = self.new_id(at);
        let mark = self.tabs[at].account.map(mark).unwrap_or_default();
        let mut text = format!("message {} of {room:?} {mark}", self.next_number());
        if let Some(middlebox) = self.devices[self.tabs[at].device].middlebox {
            match self.rng.below(40) {
                0 => text.push_str(POISON),
                1 => text.push_str(&"~".repeat(middlebox.max_bytes)),
                _ => {}
            }
            if middlebox.refuses_text(&text) {
                let account = self.tabs[at].account;
                self.ledger.hopeless.extend(account.map(|account| (account, id)));
            }
        }
        self.user(at, Action::Send(room, id, text));
    }

    fn read_something(&mut self, at: usize) {
        let action = match self.rng.below(20) {
            0 => {
                self.tally.count("readings of everything");
                Action::Server(Command::ReadAll)
            }
            1 => Action::MarkRead(self.room_of(at, |listed| listed.read < listed.head)),
            2 | 3 => {
                let listed = self.listed_room(at, |listed| listed.head > 0);
                self.tally.count("messages marked as unread");
                Action::MarkUnread(listed.room, 1 + self.rng.below(listed.head.max(1)))
            }
            _ => {
                let Some(open) = self.tabs[at].open.filter(|_| self.tabs[at].is_visible) else { return };
                let listed = self.listed_room(at, |listed| listed.room == open);
                Action::See(open, listed.read + self.rng.below(listed.head.saturating_sub(listed.read) + 2))
            }
        };
        self.user(at, action);
    }

    fn load_something(&mut self, at: usize) {
        let room = self.room_of(at, |listed| listed.role.is_member());
        let ord = self.rng.below(60);
        let command = match self.rng.below(6) {
            0 => Command::BrowseRooms { query: "room".into(), after: String::new(), count: 5 },
            1 => Command::ListMembers { room, prefix: "user".into(), after: String::new(), count: 10 },
            2 => Command::FindPeople { prefix: "user".into(), count: 10 },
            3 => Command::Search { room, query: "message".into(), before: 0, count: 10 },
            4 => Command::LoadPage { room, start: PageStart::Around(ord), count: 10 },
            _ => Command::LoadPage { room, start: PageStart::Before(ord), count: 10 },
        };
        self.user(at, Action::Server(command));
    }

    /// A user edits or deletes a message of the open room, mostly an own one.
    fn change_message(&mut self, at: usize) {
        let open = self.tabs[at].open.unwrap_or(RoomId::LOBBY);
        let some = self.rng.once_in(8);
        let messages = self.tabs[at].shown.messages(open).into_iter();
        let messages: Vec<_> = messages
            .filter(|message| message.delivery == Delivery::Sent && (message.own || some))
            .map(|message| MessageTarget { ord: message.ord, id: message.id })
            .collect();
        let Some(message) = messages.get(self.rng.index(messages.len().max(1))).copied() else { return };
        let content = match self.rng.once_in(4) {
            true => String::new(),
            false => format!("edit {} of {open:?}", self.next_number()),
        };
        self.tally.count(if content.is_empty() { "messages to delete" } else { "messages to edit" });
        let command = Command::ChangeMessage { room: open, id: self.new_id(at), message, content };
        self.user(at, Action::Server(command));
    }

    /// A user reacts to a message of the open room, or removes a reaction.
    fn react(&mut self, at: usize) {
        let open = self.tabs[at].open.unwrap_or(RoomId::LOBBY);
        let messages = self.tabs[at].shown.messages(open).into_iter();
        let messages: Vec<_> = messages.filter(|message| message.delivery == Delivery::Sent).collect();
        // Mostly a new one, to which others react too.
        let newest = messages.len().saturating_sub(1 + self.rng.index(4));
        let Some(message) = messages.get(newest) else { return };
        let emoji = ["👍", "🎉", "❤️"][self.rng.index(3)];
        let remove = message.reactions.is_own(emoji);
        self.tally.count(if remove { "reactions to remove" } else { "reactions" });
        let message = MessageTarget { ord: message.ord, id: message.id };
        let id = self.new_id(at);
        let command = Command::React { room: open, id, message, emoji: emoji.to_owned(), remove };
        self.user(at, Action::Server(command));
    }

    /// A user sends a failed message again, or discards it.
    fn handle_failed(&mut self, at: usize) {
        let open = self.tabs[at].open.unwrap_or(RoomId::LOBBY);
        let failed = self.tabs[at].shown.messages(open).into_iter();
        let failed = failed.filter(|message| matches!(message.delivery, Delivery::Failed(_))).last();
        let Some(message) = failed else { return };
        self.give_up_or_retry(at, open, message.id);
    }

    fn give_up_or_retry(&mut self, at: usize, room: RoomId, id: MessageId) {
        let account = self.tabs[at].account.expect("an account");
        let retry = self.rng.once_in(2);
        if retry {
            self.ledger.retried.insert((account, id));
        } else {
            self.ledger.excused.insert((account, id));
        }
        self.tally.count(if retry { "retried messages" } else { "discarded messages" });
        self.user(at, Action::Tab(about_failed(room, id, retry)));
    }

    /// A tab does not show a room any more.
    fn unsubscribe(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        let open = tab.open;
        let Some(room) = tab.rooms.iter().copied().find(|room| Some(*room) != open) else { return };
        tab.rooms.remove(&room);
        self.user(at, Action::Server(Command::Unsubscribe { room }));
    }

    fn change_something(&mut self, at: usize) -> Option<Command> {
        let id = self.new_id(at);
        let own = |listed: &Listed| listed.role == Role::Owner && listed.kind != RoomKind::Lobby;
        let some = self.rng.once_in(6);
        // Mostly where it is allowed.
        let mut room = self.room_of(at, |listed| own(listed) || some && listed.role.is_member());
        if self.rng.once_in(20) {
            room = self.any_room(at);
        }
        let account = self.any_account(at)?;
        Some(match self.rng.below(30) {
            0..5 => return self.create_room(at, id),
            5..11 => Command::Join { room: self.room_to_join(at)?, id },
            11..13 => {
                let left = self.room_of(at, |listed| listed.kind != RoomKind::Lobby);
                let other = self.room_of(at, |listed| listed.room != left && listed.role.is_member());
                if other != left {
                    // It may wait still when the room is left.
                    self.send(at, other);
                }
                Command::Leave { room: left, id }
            }
            13..16 => Command::ChangeMember { room, id, account, role: Role::Invited },
            16..18 => {
                let tabs = self.tabs.iter().enumerate();
                let mut of_account =
                    tabs.filter(|(_, tab)| tab.account == Some(account) && tab.is_usable(self.now));
                if let Some((other, _)) = of_account.next() {
                    // It may arrive before or after the removal.
                    self.send(other, room);
                }
                Command::ChangeMember { room, id, account, role: Role::None }
            }
            18 => Command::ChangeMember { room, id, account, role: Role::Moderator },
            19 => Command::ChangeMember { room, id, account, role: Role::Owner },
            20 => Command::ChangeMember { room, id, account, role: Role::Member },
            21 | 22 => {
                let name = format!("renamed {}", self.next_number());
                Command::ChangeRoom { room, id, change: RoomChange::Name(name) }
            }
            23..25 => {
                let topic = format!("topic {}", self.next_number());
                Command::ChangeRoom { room, id, change: RoomChange::Topic(topic) }
            }
            25 => Command::ChangeRoom { room, id, change: RoomChange::Archived(self.rng.once_in(2)) },
            26 => {
                let number = self.rng.index(self.users.len());
                let own = self.tabs[at].user;
                let nick = match self.rng.once_in(4) {
                    true => self.users[number].nick.clone(),
                    false => self.users[own].next_nick(),
                };
                Command::ChangeNick { id, nick }
            }
            _ => {
                let muted = self.rng.once_in(2);
                Command::SetMuted { room: self.room_of(at, |listed| listed.role.is_member()), muted }
            }
        })
    }

    fn create_room(&mut self, at: usize, id: MessageId) -> Option<Command> {
        let kind = [RoomKind::Public, RoomKind::Private, RoomKind::Direct][self.rng.index(3)];
        if self.log_of(at).rooms.len() >= MAX_ROOMS {
            return None;
        }
        let people: Vec<_> = (0..1 + self.rng.below(2)).filter_map(|_| self.any_account(at)).collect();
        let (name, topic) = match kind {
            RoomKind::Direct => (String::new(), String::new()),
            _ => (format!("room {}", self.next_number()), format!("topic {}", self.next_number())),
        };
        self.tally.count("rooms to create");
        Some(Command::CreateRoom { id, kind, name, topic, people })
    }

    fn room_to_join(&mut self, at: usize) -> Option<RoomId> {
        let invited = self.listed(at).into_iter().find(|listed| listed.role == Role::Invited);
        if let Some(invited) = invited.filter(|_| self.rng.once_in(2)) {
            return Some(invited.room);
        }
        if self.rng.once_in(10) {
            return Some(self.any_room(at));
        }
        let public = self.log_of(at).rooms.iter().filter(|(_, log)| log.kind == RoomKind::Public);
        let public: Vec<_> = public.map(|(room, _)| *room).collect();
        public.get(self.rng.index(public.len())).copied()
    }
}

/// A user tries to connect at once.
pub fn reconnect() -> Action {
    Action::Tab(TabCommand::Reconnect)
}
