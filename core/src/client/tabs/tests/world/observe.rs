//! Outside influences on the tabs, and a view of what they show.

use super::*;

impl World {
    /// Another account sends a message.
    pub fn receive(&mut self, room: RoomId, id: MessageId) {
        for envelope in self.server.post(room, server::OTHER, id, "from lili") {
            self.answer(&envelope);
        }
    }

    // ---- what the tests see

    pub fn leader(&self) -> Option<usize> {
        self.tabs.iter().position(|tab| !tab.hangs && matches!(tab.role, Role::Leader(..)))
    }

    pub fn client(&self) -> &Client {
        let Some(at) = self.leader() else { panic!("no leader") };
        let Role::Leader(_, client) = &self.tabs[at].role else { unreachable!() };
        client
    }

    pub fn user(&mut self, tab: usize, user: User) {
        self.deliver(tab, Input::User(user));
    }

    /// The messages that a tab shows in a room, and their delivery states.
    pub fn shown(&self, tab: usize, room: RoomId) -> Vec<(MessageId, Delivery)> {
        let Some(timeline) = self.tabs[tab].shown.timelines.get(&room) else { return Vec::new() };
        let message = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } => Some((message.id, message.delivery)),
            _ => None,
        };
        timeline.rows().filter_map(|row| message(&row.kind)).collect()
    }

    pub fn state(&self, tab: usize, id: MessageId) -> Option<Delivery> {
        let rooms = [RoomId::LOBBY, ROOM].map(|room| self.shown(tab, room));
        rooms.into_iter().flatten().find(|shown| shown.0 == id).map(|shown| shown.1)
    }

    /// The last value of an event in a tab.
    fn last<T>(&self, tab: usize, of: impl Fn(&FollowerEvent) -> Option<T>) -> Option<T> {
        self.tabs[tab].shown.events.iter().rev().find_map(of)
    }

    pub fn is_online(&self, tab: usize) -> bool {
        let online = |event: &FollowerEvent| match event {
            FollowerEvent::Client(Event::Connection(connection)) => {
                Some(matches!(connection, Connection::Online { .. }))
            }
            _ => None,
        };
        self.last(tab, online).unwrap_or(false)
    }

    pub fn is_outdated(&self, tab: usize) -> bool {
        let outdated = |event: &FollowerEvent| match event {
            FollowerEvent::OutdatedSince(since) => Some(since.is_some()),
            FollowerEvent::Client(_) | FollowerEvent::CommandFailed(_) => None,
        };
        self.last(tab, outdated).unwrap_or(false)
    }

    pub fn failures(&self, tab: usize) -> usize {
        let failed = FollowerEvent::CommandFailed(Status::TabUnresponsive);
        self.tabs[tab].shown.events.iter().filter(|event| **event == failed).count()
    }

    /// The answers to the commands of a tab with this number.
    pub fn answers(&self, tab: usize, number: u32) -> Vec<Result<Reply, Status>> {
        let answers = self.tabs[tab].shown.events.iter().filter_map(|event| match event {
            FollowerEvent::Client(Event::Answer { origin, number: of, result, .. }) if *of == number => {
                assert_eq!(*origin, Origin::LOCAL, "the answer to another tab");
                Some(result.clone().map_err(|refusal| refusal.status))
            }
            _ => None,
        });
        answers.collect()
    }

    /// All tabs show the same as the server has in a room.
    #[track_caller]
    pub fn all_show(&self, room: RoomId, tabs: impl IntoIterator<Item = usize>) {
        let log: Vec<_> = self.server.log(room).iter().map(|message| (message.0, Delivery::Sent)).collect();
        for tab in tabs {
            assert_eq!(self.shown(tab, room), log, "tab {tab}");
        }
    }

    /// A message that the server has refused.
    pub fn fail_message(&mut self, tab: usize, id: MessageId) {
        self.server.refused.push(id);
        self.user(tab, User::Send(RoomId::LOBBY, id));
        self.run(500);
        for at in 0..3 {
            assert_eq!(self.state(at, id), Some(Delivery::Failed(Status::ContentTooLong)), "tab {at}");
        }
    }
}
