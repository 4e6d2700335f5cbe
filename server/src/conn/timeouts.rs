//! The deadlines of WebSocket connections.

use std::time::Duration;

/// The deadlines of a connection.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// A Ping is sent after this time without input.
    pub ping_interval: Duration,
    /// The connection is closed after this time without input.
    pub ping_timeout: Duration,
    /// A frame must be complete within this time after its first byte.
    pub frame_timeout: Duration,
    /// The connection is closed if nothing can be written for this time.
    pub write_timeout: Duration,
}
