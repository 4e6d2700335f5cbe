//! WebSocket connections: limits, handshake, framing and writing, independent of the meaning of messages.
//!
//! | module | content |
//! | --- | --- |
//! | [`limiter`] | limits on the number of connections |
//! | [`input_budget`] | limits on the bytes that the hub has not handled |
//! | [`handshake`] | the opening handshake, up to the raw socket |
//! | [`frame_reader`] | from bytes to messages, sans-IO |
//! | [`frame`] | from messages to bytes |
//! | [`write_queue`] | frames that wait to be written |
//! | [`timeouts`] | the deadlines of a connection |
//! | [`socket`] | the task of one connection |
//! | [`connection_log`] | limits on the log lines about connections |

pub mod connection_log;
pub mod frame;
pub mod frame_reader;
pub mod handshake;
pub mod input_budget;
pub mod limiter;
pub mod socket;
pub mod timeouts;
pub mod write_queue;
