//! WebSocket connections: limits, handshake, framing and writing. No knowledge of the messages' meaning.
//!
//! | module | content |
//! | --- | --- |
//! | [`limiter`] | how many connections there may be |
//! | [`handshake`] | the opening handshake, up to the raw socket |
//! | [`frame_reader`] | from bytes to messages, sans-IO |
//! | [`frame`] | from messages to bytes |
//! | [`write_queue`] | frames that wait to be written |
//! | [`timeouts`] | the deadlines of a connection |
//! | [`socket`] | the task of one connection |

pub mod frame;
pub mod frame_reader;
pub mod handshake;
pub mod limiter;
pub mod socket;
pub mod timeouts;
pub mod write_queue;
