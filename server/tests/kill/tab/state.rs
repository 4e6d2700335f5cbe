//! The state of a tab, as it reports it to the test.

use std::time::Instant;

use parlour_core::model::Connection;

/// The state of a tab.
#[derive(Debug, Clone)]
pub struct State {
    pub online: bool,
    pub connection: Connection,
    pub complaints: Vec<String>,
    /// The time at which it came online last.
    pub since: Option<Instant>,
    pub members: usize,
    pub sent: usize,
    pub acknowledged: usize,
    pub gaps: usize,
    /// It was ordered to stop sending and to load gaps.
    pub settling: bool,
    /// The number of messages in the persisted send queue, counted when settling.
    pub queued_messages: usize,
    /// The highest ord it received.
    pub newest: u64,
    /// The number of times that the log was unavailable to it.
    pub refused: usize,
}

impl State {
    pub fn new() -> Self {
        Self {
            online: false,
            connection: Connection::Idle,
            complaints: Vec::new(),
            since: None,
            members: 0,
            sent: 0,
            acknowledged: 0,
            gaps: 0,
            settling: false,
            queued_messages: 0,
            newest: 0,
            refused: 0,
        }
    }
}
