//! The interface of the service. The store holds it as a trait object, so that the login page's module does not link the
//! service, which is loaded with the room.

use std::pin::Pin;

use parlour_core::{
    Millis,
    client::{Command, Reply, state::ClientState},
    model::{Member, MessageId, Refusal, RoomId, SeekTarget},
    ranges::Range,
    status::Status,
};

/// The chat session of this tab. Results are reported as [`Event`](parlour_core::event::Event)s.
pub trait ChatSession {
    /// Starts to log in on the server at a `ws://` or `wss://` URL, with the data that this device has persisted for the
    /// nick.
    ///
    /// # Errors
    /// The nick is invalid; [`Status::SignedIn`] if already logged in.
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status>;

    /// Resumes the session of this tab, or of the last tab that was open. Completes once it is known whether there is
    /// one.
    fn resume(&self) -> Pin<Box<dyn Future<Output = ()>>>;

    /// Sends a message.
    ///
    /// # Errors
    /// The session refuses the text.
    fn send(&self, text: &str) -> Result<(), Status>;

    /// Reads what was typed before and not sent, in this tab or in tabs that were closed.
    fn load_draft(&self) -> Pin<Box<dyn Future<Output = String>>>;

    /// Stores what is typed; an empty text deletes it.
    fn save_draft(&self, text: &str);

    /// The number of bytes by which a text exceeds the server's limit; 0 if it does not.
    fn excess_bytes(&self, text: &str) -> usize;

    /// Sends a failed message again.
    fn retry(&self, id: MessageId);

    /// Discards a failed message.
    fn discard(&self, id: MessageId);

    /// Loads the newest part of the gap that ends with the sequence number `to`.
    fn load_gap(&self, to: u64);

    /// Loads the messages around a target, then emits [`Event::SeekFinished`](parlour_core::event::Event::SeekFinished).
    fn seek(&self, target: SeekTarget);

    /// Searches the room's messages for words, then emits
    /// [`Event::SearchFinished`](parlour_core::event::Event::SearchFinished). Only messages before the sequence number
    /// `before` are searched, unless it is 0.
    fn search(&self, words: &str, before: u64);

    /// Reports that a range was evicted from the timeline, so that it can be loaded again.
    fn evicted(&self, range: Range);

    /// Reports whether the page is visible and has the focus. Then nothing is unread.
    fn set_focused(&self, focused: bool);

    /// Lists the members as a notice in the timeline.
    fn list_members(&self);

    /// Continues under another nick, because the server has refused the user's.
    ///
    /// # Errors
    /// The nick is invalid; [`Status::SignedIn`] if the user's nick is not refused.
    fn rename(&self, nick: &str) -> Result<(), Status>;

    /// Logs out in all tabs.
    fn leave(&self);

    /// Connects now instead of at the scheduled time.
    fn retry_now(&self);

    /// The members in order, and how many there are; the list may hold fewer.
    fn members(&self) -> (Vec<Member>, usize);

    /// Calls `read` with the state of this tab, if a user is logged in.
    fn with_state(&self, read: &mut dyn FnMut(&ClientState));

    /// Executes a command, which is answered once.
    fn request(&self, command: Command) -> Pin<Box<dyn Future<Output = Result<Reply, Refusal>>>>;

    /// A new id, for a command that changes a log.
    fn new_id(&self) -> MessageId;

    /// The number of messages that the server has not acknowledged.
    fn unsent(&self) -> usize;

    /// Shows another room, or none.
    fn open_room(&self, room: Option<RoomId>);

    /// Marks all messages of a room as read.
    fn mark_read(&self, room: RoomId);

    /// Marks the messages of a room from an ord on as unread.
    fn mark_unread(&self, room: RoomId, from: u64);

    /// Marks all messages of all rooms as read.
    fn mark_all_read(&self);

    /// Logs in to the account of another device, with the code that the device has got, on the server at a URL.
    ///
    /// # Errors
    /// [`Status::SignedIn`] if already logged in.
    fn log_in_with_link(&self, code: &str, url: &str) -> Result<(), Status>;

    /// The monotonic clock that the times in events refer to.
    fn monotonic_ms(&self) -> Millis;
}
