//! Messages the user has sent, until there is a valid reason to remove them.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{Delivery, MessageId, RoomId},
    wire::{self, response::Result as Answer, server_event::Body},
};

/// A message the user has sent.
#[derive(Debug)]
pub(super) struct PendingMessage {
    pub room: RoomId,
    pub content: String,
    /// A server has confirmed it.
    pub confirmed: bool,
    /// `true` if it was last shown as failed; unknown after a reload.
    pub failed: Option<bool>,
}

/// Messages without a final outcome.
#[derive(Debug, Default)]
pub(super) struct PendingMessages(BTreeMap<MessageId, PendingMessage>);

impl Deref for PendingMessages {
    type Target = BTreeMap<MessageId, PendingMessage>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for PendingMessages {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl PendingMessages {
    /// Records confirmations contained in a WebSocket message, decoded in both dialects.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let rich = codec::decode_rich(bytes).unwrap_or_default();
        let basic = codec::decode_basic(bytes).unwrap_or_default();
        for envelope in rich.iter().chain(&basic) {
            self.receive_envelope(envelope);
        }
    }

    fn receive_envelope(&mut self, envelope: &Envelope) {
        self.confirm(&envelope.id);
        match &envelope.extension {
            Some(Extension::Ack(ack)) => ack.accepted.iter().for_each(|accepted| self.confirm(&accepted.id)),
            Some(Extension::Welcome(welcome)) => welcome.window.iter().for_each(|window| self.read(window)),
            Some(Extension::Event(event)) => match &event.body {
                Some(Body::Window(window)) => self.read(window),
                Some(Body::Response(response)) => match &response.result {
                    Some(Answer::Window(window)) => self.read(window),
                    Some(Answer::Page(page)) => self.read_page(page),
                    _ => {}
                },
                _ => {}
            },
            _ => {}
        }
        // In the basic dialect an echo is recognised by its content.
        let same = self.0.values_mut().filter(|message| message.content == envelope.content);
        same.for_each(|message| message.confirmed = true);
    }

    fn read(&mut self, window: &wire::RoomWindow) {
        let envelopes = window.frames.iter().filter_map(|envelope| codec::decode(envelope).ok());
        envelopes.for_each(|envelope| self.confirm(&envelope.id));
        window.page.iter().for_each(|page| self.read_page(page));
    }

    fn read_page(&mut self, page: &wire::MessagePage) {
        page.messages.iter().for_each(|message| self.confirm(&message.id));
    }

    fn confirm(&mut self, id: &[u8]) {
        if let Some(message) = MessageId::from_wire(id).and_then(|id| self.0.get_mut(&id)) {
            message.confirmed = true;
        }
    }

    /// A message is shown as acknowledged.
    pub(super) fn acknowledged(&mut self, id: MessageId) {
        if let Some(pending) = self.0.remove(&id) {
            assert!(pending.confirmed, "{id:?} is shown as sent, and no server has confirmed it");
        }
    }

    pub(super) fn delivery_changed(&mut self, id: MessageId, delivery: Delivery) {
        if let Some(message) = self.0.get_mut(&id) {
            message.failed = Some(matches!(delivery, Delivery::Failed(_)));
        }
    }

    /// The user has discarded a message.
    pub(super) fn discarded(&mut self, id: MessageId) {
        let before = self.0.remove(&id).and_then(|message| message.failed);
        assert_ne!(before, Some(false), "{id:?} was discarded in flight");
    }

    /// A message was deleted from the storage.
    pub(super) fn deleted(&self, id: MessageId) {
        if let Some(message) = self.0.get(&id) {
            assert!(message.confirmed, "{id:?} is deleted from the storage: {message:?}");
        }
    }
}
