//! The interface of the service. The store holds it as a trait object, so that the login page's module does not link the
//! service, which is loaded with the room.

use std::pin::Pin;

use parlour_core::{
    Millis,
    client::{
        Command, Event, Reply,
        room::ScrollPosition,
        state::{Change, ClientState},
    },
    model::{Message, MessageId, Refusal, RoomId},
    ranges::Range,
    status::Status,
};

/// What the service reports.
#[derive(Debug)]
pub enum Report {
    /// An event of the client, which the state of this tab has already.
    Event(Event),
    /// A change of the state of this tab.
    Changed(Change),
    /// What is shown may be outdated since this time, because the tab that has the connection does not respond; `None` when
    /// it is up to date again.
    OutdatedSince(Option<Millis>),
    /// An action of the user was not executed, for this reason.
    CommandFailed(Status),
}

/// A page of search results.
#[derive(Debug)]
pub struct SearchResults {
    /// Newest first.
    pub messages: Vec<Message>,
    /// There are older matches, or may be.
    pub more: bool,
    /// The search reached the server's limit of work: only messages with a number above this one were searched.
    pub partial: Option<u64>,
}

/// The chat session of this tab.
pub trait ChatSession {
    /// Starts to log in on the server at a `ws://` or `wss://` URL, with the data that this device has persisted for the
    /// nick.
    ///
    /// # Errors
    /// The nick is invalid; [`Status::SignedIn`] if already logged in.
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status>;

    /// Logs in to the account of another device, with the code that the device has got, on the server at a URL.
    ///
    /// # Errors
    /// [`Status::SignedIn`] if already logged in.
    fn log_in_with_link(&self, code: &str, url: &str) -> Result<(), Status>;

    /// Resumes the session of this tab, or of the last tab that was open. Completes once it is known whether there is
    /// one.
    fn resume(&self) -> Pin<Box<dyn Future<Output = ()>>>;

    /// Continues under another nick, because the server has refused the user's.
    ///
    /// # Errors
    /// The nick is invalid; [`Status::SignedIn`] if the user's nick is not refused.
    fn rename(&self, nick: &str) -> Result<(), Status>;

    /// Logs out in all tabs.
    fn leave(&self);

    /// Connects now instead of at the scheduled time.
    fn retry_now(&self);

    /// The URL of the server's socket; empty when logged out.
    fn server(&self) -> String;

    // ---- the state

    /// Calls `read` with the state of this tab, if a user is logged in.
    fn with_state(&self, read: &mut dyn FnMut(&ClientState));

    /// Executes a command, which is answered once.
    fn request(&self, command: Command) -> Pin<Box<dyn Future<Output = Result<Reply, Refusal>>>>;

    /// Searches the messages of a room for words. Only messages with a smaller ord than `before` are searched, unless it is
    /// 0.
    fn search(
        &self,
        room: RoomId,
        words: &str,
        before: u64,
    ) -> Pin<Box<dyn Future<Output = Result<SearchResults, Status>>>>;

    /// A new id, for a command that changes a log.
    fn new_id(&self) -> MessageId;

    /// Shows another room, or none.
    fn open_room(&self, room: Option<RoomId>);

    /// Marks all messages of a room as read.
    fn mark_read(&self, room: RoomId);

    /// Marks the messages of a room from an ord on as unread.
    fn mark_unread(&self, room: RoomId, from: u64);

    /// Marks all messages of all rooms as read.
    fn mark_all_read(&self);

    /// Reports that the messages of the open room up to an ord are on the screen of this tab, which is visible and has the
    /// focus; `at_end` if the newest one is.
    fn set_visible(&self, room: RoomId, ord: u64, at_end: bool);

    /// Reports that this tab is hidden, or has lost the focus.
    fn set_hidden(&self);

    /// Reports that a range was evicted from the timeline of a room, so that it can be loaded again.
    fn evicted(&self, room: RoomId, range: Range);

    /// The ords of a room that are being loaded.
    fn set_loading(&self, room: RoomId, ords: Vec<u64>);

    // ---- messages

    /// Sends a message.
    ///
    /// # Errors
    /// The client refuses the text.
    fn send(&self, room: RoomId, text: &str) -> Result<(), Status>;

    /// The number of bytes by which a text exceeds the server's limit; 0 if it does not.
    fn excess_bytes(&self, text: &str) -> usize;

    /// Sends a failed message again.
    fn retry(&self, room: RoomId, id: MessageId);

    /// Discards a failed message.
    fn discard(&self, room: RoomId, id: MessageId);

    /// The number of messages that the server has not acknowledged.
    fn unsent(&self) -> usize;

    // ---- what this tab keeps of each room

    /// Reads what was typed and not sent, and where the timelines were, in this tab before it was reloaded, and what was
    /// typed in tabs that were closed.
    fn load_tab_data(&self) -> Pin<Box<dyn Future<Output = ()>>>;

    /// What was typed in a room and not sent.
    fn draft(&self, room: RoomId) -> String;

    /// Stores what is typed in a room; an empty text deletes it.
    fn save_draft(&self, room: RoomId, text: &str);

    /// Where the timeline of a room was; `None` for its end.
    fn scroll(&self, room: RoomId) -> Option<ScrollPosition>;

    /// Stores where the timeline of a room is; `None` for its end.
    fn save_scroll(&self, room: RoomId, position: Option<ScrollPosition>);

    /// The monotonic clock that the times in reports refer to.
    fn monotonic_ms(&self) -> Millis;
}
