//! The code that client and server share, and the logic of the client.
//!
//! Sans-IO: this crate has no sockets, clocks, random source or browser APIs. The caller passes the time as [`Millis`],
//! and randomness as seeds and ids; input goes in through `handle_*`, output comes out of `poll_*`. So a test can run
//! both ends of the wire on a virtual clock.
//!
//! | module | contents |
//! | --- | --- |
//! | [`wire`] | the types of `proto/chat.proto` |
//! | [`codec`] | encoding and decoding, in both dialects |
//! | [`request`] | decoding on the server: only what it accepts from a client |
//! | [`ids`] | ids of messages, accounts and rooms |
//! | [`model`] | the data types of every layer: messages, members, connection state |
//! | [`room_rows`] | the rows of a room list on the wire |
//! | [`status`] | the table of status codes |
//! | [`limits`], [`validate`] | limits and input rules, checked by the same code on both ends |
//! | [`markup`] | Markdown with the rules of chat, as a tree |
//! | [`policy`] | who may do what in a room |
//! | [`address`] | the socket URL of the server address that a user types |
//! | [`backoff`] | delays between connection attempts |
//! | [`left_sessions`] | sessions that the user has left without the server's knowledge |
//! | [`client`] | the client: connection, send queue, requests, state, tabs |
//! | [`send_queue`] | own messages that are not acknowledged yet |
//! | [`ranges`] | which parts of a room are loaded, and the gaps between them |
//! | [`persist`] | what a client stores on its device |
//! | [`presence`] | the member list |
//! | [`timeline`] | the rows of a room as they are shown |
//! | [`sorted`] | maps and sets that add little code to the page |

use std::fmt::Write as _;

pub mod address;
pub mod backoff;
pub mod client;
pub mod codec;
mod heartbeat;
pub mod ids;
pub mod left_sessions;
pub mod limits;
pub mod markup;
pub mod model;
pub mod persist;
pub mod policy;
pub mod presence;
pub mod ranges;
pub mod reactions;
pub mod request;
pub mod room_rows;
pub mod send_queue;
pub mod sorted;
pub mod status;
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

    /// The types of `proto/request.proto`.
    pub(crate) mod request {
        include!(concat!(env!("OUT_DIR"), "/parlour.request.rs"));
    }
}
use wire::device;

/// Milliseconds on a monotonic clock with an arbitrary origin: only differences are meaningful.
pub type Millis = u64;

/// The time on both clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The monotonic clock.
    pub monotonic: Millis,
    /// The wall clock, Unix ms; it may jump.
    pub unix: i64,
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The protocol version that this code implements.
pub const PROTOCOL_VERSION: u32 = 1;
