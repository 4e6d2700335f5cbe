//! The end of a run: with a well-behaved server and a working device.

use std::collections::BTreeMap;

use parlour_core::{
    codec::{self, Extension},
    model::{Connection, Dialect, MessageId, RoomId},
    wire,
};

use super::{server::ME, world::World};

/// The rounds of the end, besides two for each message. One that may have ended connections is sent alone, on a connection
/// that has lasted for a while.
const ROUNDS: usize = 16;

impl World {
    /// Every message that has not failed is sent, in each room in the order in which the user sent it. Once acknowledged it
    /// is shown as sent and deleted from the device. Every command is answered.
    pub(super) fn assert_all_arrive(&mut self) {
        self.step_device(0);
        self.close(1006);
        self.settle();
        self.come_online();
        let due = |world: &Self, id: &MessageId| {
            world.pending.get(id).is_some_and(|message| !message.confirmed && message.failed != Some(true))
        };
        let expected: Vec<_> = self.pending.keys().copied().filter(|id| due(self, id)).collect();
        let rooms: BTreeMap<_, _> = expected.iter().map(|id| (*id, self.pending[id].room)).collect();
        let (mut all, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS + 2 * expected.len() {
            let pong = codec::extension(Extension::Pong(wire::Pong { nonce: self.nonce }));
            self.receive(&codec::encode(&pong));
            self.settle();
            let next = std::mem::take(&mut self.sent);
            sent.extend(next.iter().copied().filter(|id| due(self, id)));
            let accepted = next.iter().map(|id| wire::Accepted { id: id.0.to_vec(), seq: 0, time: 0 });
            let ack = codec::extension(Extension::Ack(wire::Ack { accepted: accepted.collect() }));
            self.receive(&codec::encode(&ack));
            self.settle();
            all.extend(next);
            self.advance(4_000);
        }
        let by_room = |ids: &[MessageId]| {
            let mut by_room: BTreeMap<RoomId, Vec<MessageId>> = BTreeMap::new();
            ids.iter().for_each(|id| by_room.entry(rooms[id]).or_default().push(*id));
            by_room
        };
        // Ids increase in the order of sending.
        assert_eq!(by_room(&sent), by_room(&expected), "messages that were sent, and messages that were due");
        assert!(
            expected.iter().all(|id| !self.pending.contains_key(id)),
            "acknowledged, and not shown as sent"
        );
        self.client.handle_hidden();
        self.settle();
        let left = all.iter().any(|id| self.device.has_entry(*id));
        assert!(self.lossy || !left, "acknowledged, and still on the device");
        assert!(self.commands.is_empty(), "not answered: {:?}", self.commands);
    }

    fn come_online(&mut self) {
        for _ in 0..5 {
            if !self.open {
                self.client.handle_reconnect(self.now);
                self.settle();
            }
            if !self.open {
                self.log_in();
                self.settle();
            }
            self.client.handle_opened(self.now);
            self.settle();
            let account = self.client.account().unwrap_or(ME);
            let welcome = wire::Welcome {
                version: 1,
                capabilities: vec!["batch".into(), "rooms".into()],
                account: account.0.to_vec(),
                heartbeat_ms: 15_000,
                log: vec![1; 16],
                ..wire::Welcome::default()
            };
            self.receive(&codec::encode(&codec::extension(Extension::Welcome(welcome))));
            self.settle();
            if self.connection == (Connection::Online { dialect: Dialect::Rich }) {
                return;
            }
            // The server closes the connection after an exit.
            self.close(1000);
            self.settle();
        }
        panic!("cannot come online with a well-behaved server: {:?}", self.connection);
    }
}
