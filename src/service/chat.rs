//! What is asked of a service. As an object, so that whoever holds one names nothing of what is behind it: that is
//! loaded apart from the page that logs in.

use std::pin::Pin;

use parlour_core::{
    Millis,
    model::{Member, MessageId, SeekTarget},
    ranges::Range,
    status::Status,
};

/// The one session of this page.
pub trait Chat {
    /// Begins to log in on the server at a `ws://` or `wss://` URL, with what the device has kept of an earlier visit.
    /// How it goes on is told.
    ///
    /// # Errors
    /// What is wrong with the nick; [`Status::SignedIn`] while somebody is logged in.
    fn log_in(&self, nick: &str, url: &str) -> Result<(), Status>;

    /// Goes on where this page, or the last one that was open, was logged in; comes back when it is known whether there is
    /// a room to be shown.
    fn resume(&self) -> Pin<Box<dyn Future<Output = ()>>>;

    /// Says something.
    ///
    /// # Errors
    /// What the session says to the text.
    fn talk(&self, text: &str) -> Result<(), Status>;

    /// How many bytes a text is over what the server takes.
    fn excess(&self, text: &str) -> usize;

    /// Sends a failed message once more.
    fn retry(&self, id: MessageId);

    /// Forgets a failed message.
    fn discard(&self, id: MessageId);

    /// Asks for the newest part of the gap that ends with this sequence number.
    fn load(&self, to: u64);

    /// Goes to a place: what is there is told, and then [`Event::SeekFinished`](parlour_core::event::Event::SeekFinished).
    fn seek(&self, seek: SeekTarget);

    /// Searches what was said for words, before a sequence number that is not 0; told with
    /// [`Event::SearchFinished`](parlour_core::event::Event::SearchFinished).
    fn search(&self, words: &str, before: u64);

    /// The page does not hold this part of the room any more.
    fn dropped(&self, range: Range);

    /// Asks who is there.
    fn who(&self);

    /// Leaves, in all pages.
    fn exit(&self);

    /// Tries at once instead of waiting.
    fn retry_now(&self);

    /// Who is there, in order, and how many in all.
    fn roster(&self) -> (Vec<Member>, usize);

    /// The clock that [`Event`](parlour_core::event::Event)s count on.
    fn clock(&self) -> Millis;
}
