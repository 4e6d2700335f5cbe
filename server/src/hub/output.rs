//! The hub's outputs.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope},
    model::Dialect,
    status::Status,
};

use super::connection_table::ConnectionId;
use crate::{
    conn::frame,
    store::{AppendBatch, Query},
};

/// An action for the caller of the hub. Bytes are whole WebSocket frames.
#[derive(Debug, Clone)]
pub enum Output {
    /// Send to one connection.
    Send {
        /// The connection.
        conn: ConnectionId,
        /// One or more frames.
        frames: Bytes,
    },
    /// Send the same frames to many connections.
    Fanout {
        /// The subscribers at the time of publication.
        to: Arc<Vec<ConnectionId>>,
        /// One or more frames.
        frames: Bytes,
    },
    /// Close the connection with this status after the frames sent to it. The hub has removed it.
    Close {
        /// The connection.
        conn: ConnectionId,
        /// The status.
        status: Status,
    },
    /// Append to the event log, in order. The result goes to `Hub::handle_appended`, in the same order.
    Append(AppendBatch),
    /// Query the event log. The result goes to `Hub::handle_read`.
    Read {
        /// Identifies the query.
        token: u64,
        /// The query.
        query: Query,
    },
    /// Cancel a query: its result is not needed any more.
    CancelRead {
        /// Identifies the query.
        token: u64,
    },
    /// The dialect of a connection is known now; for diagnostics.
    Identified {
        /// The connection.
        conn: ConnectionId,
        /// The dialect.
        dialect: Dialect,
        /// The client's description of itself; at most 64 characters, no control characters.
        agent: String,
    },
}

/// A queue of outputs.
#[derive(Debug, Default)]
pub struct Outputs(VecDeque<Output>);

impl Outputs {
    /// Adds an output.
    pub fn put(&mut self, output: Output) {
        self.0.push_back(output);
    }

    /// Sends one envelope to one connection.
    pub fn send(&mut self, conn: ConnectionId, envelope: &Envelope) {
        self.put(Output::Send { conn, frames: frame::binary(&codec::encode(envelope)) });
    }

    /// Sends frames to many connections; no output if there are none.
    pub fn fanout(&mut self, to: &Arc<Vec<ConnectionId>>, frames: &Bytes) {
        if !to.is_empty() {
            self.put(Output::Fanout { to: to.clone(), frames: frames.clone() });
        }
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }
}
