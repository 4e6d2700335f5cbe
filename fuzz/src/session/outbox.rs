//! What was said, and may be forgotten only for a reason.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{Delivery, Message, MessageId},
};

/// Something that was said.
#[derive(Debug)]
pub(super) struct Said {
    pub content: String,
    /// A server has said that it arrived.
    pub arrived: bool,
    /// Whether it was last told as failed; not known after the page was loaded again.
    pub failed: Option<bool>,
}

/// What was said and is not done with.
#[derive(Debug, Default)]
pub(super) struct Outbox(BTreeMap<MessageId, Said>);

impl Deref for Outbox {
    type Target = BTreeMap<MessageId, Said>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Outbox {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Outbox {
    /// Notes what a message of a server's says of what was said, in whichever dialect it is read.
    pub(super) fn heard(&mut self, bytes: &[u8]) {
        let rich = codec::decode_rich(bytes).unwrap_or_default();
        let basic = codec::decode_basic(bytes).unwrap_or_default();
        for frame in rich.iter().chain(&basic) {
            self.heard_frame(frame);
        }
    }

    fn heard_frame(&mut self, frame: &Envelope) {
        self.arrived(&frame.id);
        match &frame.extension {
            Some(Extension::Ack(ack)) => ack.accepted.iter().for_each(|accepted| self.arrived(&accepted.id)),
            Some(Extension::HistoryPage(page)) => {
                let frames = page.frames.iter().filter_map(|frame| codec::decode(frame).ok());
                frames.for_each(|frame| self.arrived(&frame.id));
            }
            _ => {}
        }
        // In the basic dialect an echo is known by its words.
        let same = self.0.values_mut().filter(|said| said.content == frame.content);
        same.for_each(|said| said.arrived = true);
    }

    fn arrived(&mut self, id: &[u8]) {
        if let Some(said) = MessageId::from_wire(id).and_then(|id| self.0.get_mut(&id)) {
            said.arrived = true;
        }
    }

    /// What the user is shown.
    pub(super) fn shown(&mut self, message: &Message) {
        if message.delivery != Delivery::Sent {
            return self.shown_as(message.id, message.delivery);
        }
        if let Some(said) = self.0.remove(&message.id) {
            assert!(said.arrived, "{:?} is shown as sent, and no server has said so", message.id);
        }
    }

    pub(super) fn shown_as(&mut self, id: MessageId, delivery: Delivery) {
        if let Some(said) = self.0.get_mut(&id) {
            said.failed = Some(matches!(delivery, Delivery::Failed(_)));
        }
    }

    /// The user has let go of it.
    pub(super) fn discarded(&mut self, id: MessageId) {
        let before = self.0.remove(&id).and_then(|said| said.failed);
        assert_ne!(before, Some(false), "{id:?} is on its way and was called back");
    }

    /// It was taken out of the storage.
    pub(super) fn deleted(&self, id: MessageId) {
        if let Some(said) = self.0.get(&id) {
            assert!(said.arrived, "{id:?} is taken out of the storage: {said:?}");
        }
    }
}
