//! The end of a run: with a well-behaved server and a working device.

use parlour_core::{
    codec::{self, Extension},
    model::{Connection, Dialect, MessageId},
    wire,
};

use super::world::World;

impl World {
    /// Every message that has not failed is sent in the order in which the user sent it. Once acknowledged it is shown as
    /// sent and deleted from the device.
    pub(super) fn assert_all_arrive(&mut self) {
        self.step_device(0);
        self.close(1006);
        self.settle();
        self.come_online();
        let due = |world: &Self, id: &MessageId| {
            world.pending.get(id).is_some_and(|message| !message.confirmed && message.failed != Some(true))
        };
        let expected: Vec<_> = self.pending.keys().copied().filter(|id| due(self, id)).collect();
        // Some are sent only when the connection has lasted for a while, or when those before them are acknowledged.
        for _ in 0..3 {
            let pong = codec::extension(Extension::Pong(wire::Pong { nonce: self.nonce }));
            self.receive(&codec::encode(&pong));
            self.settle();
            self.advance(4_000);
        }
        let (mut all, mut sent) = (Vec::new(), Vec::new());
        while !self.sent.is_empty() {
            let next = std::mem::take(&mut self.sent);
            sent.extend(next.iter().copied().filter(|id| due(self, id)));
            let accepted = next.iter().map(|id| wire::Accepted { id: id.0.to_vec(), seq: 0, time: 0 });
            let ack = codec::extension(Extension::Ack(wire::Ack { accepted: accepted.collect() }));
            self.receive(&codec::encode(&ack));
            self.settle();
            all.extend(next);
        }
        // Ids increase in the order of sending.
        assert_eq!(sent, expected, "messages sent on the connection, and messages that were due");
        assert!(
            expected.iter().all(|id| !self.pending.contains_key(id)),
            "acknowledged, and not shown as sent"
        );
        self.session.handle_hidden();
        self.settle();
        let left = all.iter().any(|id| self.device.has_entry(*id));
        assert!(self.lossy || !left, "acknowledged, and still on the device");
    }

    fn come_online(&mut self) {
        let welcome = wire::Welcome { version: 1, heartbeat_ms: 15_000, ..wire::Welcome::default() };
        let welcome = codec::encode(&codec::extension(Extension::Welcome(welcome)));
        for _ in 0..4 {
            if !self.open {
                self.session.handle_reconnect(self.now);
                self.settle();
            }
            if !self.open {
                self.log_in();
                self.settle();
            }
            self.session.handle_opened(self.now);
            self.settle();
            self.receive(&welcome);
            self.settle();
            if self.connection == (Connection::Online { dialect: Dialect::Rich }) {
                return;
            }
        }
        panic!("cannot come online with a well-behaved server: {:?}", self.connection);
    }
}
