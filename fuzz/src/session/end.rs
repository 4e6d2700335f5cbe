//! The end of a run: a server that does as it should, and a device that works.

use parlour_core::{
    codec::{self, Extension},
    model::{Connection, Dialect, MessageId},
    wire,
};

use super::world::World;

impl World {
    /// Everything that was said and has not failed is sent, in the order it was said; acknowledged, it is shown as sent
    /// and leaves the device.
    pub(super) fn arrives(&mut self) {
        self.keep(0);
        self.close(1006);
        self.settle();
        self.come_online();
        let due = |world: &Self, id: &MessageId| {
            world.outbox.get(id).is_some_and(|said| !said.arrived && said.failed != Some(true))
        };
        let sent: Vec<_> = self.sent.iter().copied().filter(|id| due(self, id)).collect();
        let said: Vec<_> = self.outbox.keys().copied().filter(|id| due(self, id)).collect();
        // Ids rise in the order in which things are said.
        assert_eq!(sent, said, "what is sent, and what was said");
        let all = std::mem::take(&mut self.sent);
        let accepted = all.iter().map(|id| wire::Accepted { id: id.0.to_vec(), seq: 0, time: 0 });
        let ack = codec::extension("", Extension::Ack(wire::Ack { accepted: accepted.collect() }));
        self.receive(&codec::encode(&ack));
        self.settle();
        assert!(said.iter().all(|id| !self.outbox.contains_key(id)), "acknowledged, and not shown as sent");
        self.session.handle_hidden();
        self.settle();
        let left = all.iter().any(|id| self.device.has_entry(*id));
        assert!(self.lossy || !left, "acknowledged, and still on the device");
    }

    fn come_online(&mut self) {
        let welcome = wire::Welcome { version: 1, heartbeat_ms: 15_000, ..wire::Welcome::default() };
        let welcome = codec::encode(&codec::extension("", Extension::Welcome(welcome)));
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
        panic!("a good server is not enough: {:?}", self.connection);
    }
}
