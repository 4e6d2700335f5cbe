//! What both ends of Parlour share, and the client's brain.
//!
//! Sans-IO: nothing here opens a socket, reads a clock, draws a random number or knows a browser. Time comes
//! in as [`Millis`], randomness as seeds and ready-made ids, bytes come in through `handle_*` and go out
//! through `poll_*`. So both ends of the wire can be driven in one test, under a clock of the test's own.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`wire`] | the types of `proto/chat.proto` |
//! | [`codec`] | bytes to frames and back, in both dialects |
//! | [`event`] | what a session tells |
//! | [`model`] | the data every layer may name: ids, messages, members, connection state |
//! | [`status`] | the one table of status codes |
//! | [`limits`], [`validate`] | what is allowed, checked by the same code on both ends |
//! | [`address`] | from what a user types to the URL of a socket |
//! | [`backoff`] | when to try again |
//! | [`outbox`] | what was said and is not yet acknowledged |
//! | [`ranges`] | what is known of a room, and what is missing |
//! | [`kept`] | what a client keeps on its device |
//! | [`presence`] | who is there |
//! | [`timeline`] | the rows of a room as a reader sees them |
//! | [`session`] | the client's side of a connection |
//! | [`tabs`] | many pages of one user, of which one leads |

pub mod address;
pub mod backoff;
pub mod codec;
pub mod event;
pub mod kept;
pub mod limits;
pub mod model;
pub mod outbox;
pub mod presence;
pub mod ranges;
pub mod session;
pub mod status;
pub mod tabs;
pub mod timeline;
pub mod validate;

/// The types of `proto/chat.proto`; the comments of the schema are their documentation.
#[allow(clippy::all, reason = "generated")]
pub mod wire {
    include!(concat!(env!("OUT_DIR"), "/parlour.rs"));

    /// The types of `proto/device.proto`. A submodule of `wire` because its package is `parlour.device`.
    pub(crate) mod device {
        include!(concat!(env!("OUT_DIR"), "/parlour.device.rs"));
    }
}
use wire::device;

/// Milliseconds on a monotonic clock whose origin means nothing; only differences count.
pub type Millis = u64;

/// The protocol version this code speaks.
pub const PROTOCOL_VERSION: u32 = 1;
