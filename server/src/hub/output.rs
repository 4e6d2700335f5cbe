//! What the hub wants done.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope},
    model::Dialect,
    status::Status,
};

use super::table::ConnId;
use crate::{
    log::{Job, Query},
    ws::frame,
};

/// Something for the connections to do. Bytes are whole WebSocket frames.
#[derive(Debug, Clone)]
pub enum Output {
    /// To one connection.
    Send {
        /// Which.
        conn: ConnId,
        /// One or more frames.
        frames: Bytes,
    },
    /// A page of a snapshot to one connection; shared with others, and not counted against its queue.
    Snapshot {
        /// Which.
        conn: ConnId,
        /// One or more frames.
        frames: Bytes,
    },
    /// The same to many.
    Fanout {
        /// To whom, as of the moment it was said.
        to: Arc<Vec<ConnId>>,
        /// One or more frames.
        frames: Bytes,
    },
    /// The connection ends with this status, after what was sent to it. The hub has forgotten it.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        status: Status,
    },
    /// To be appended to the log, after all batches before it; answered with `Hub::handle_appended`, in order.
    Append(Job),
    /// To be asked of the log; answered with `Hub::handle_read`.
    Read {
        /// Tells this question from others.
        token: u64,
        /// The question.
        query: Query,
    },
    /// It is known now what a connection speaks: for the log.
    Known {
        /// Which.
        conn: ConnId,
        /// The dialect.
        dialect: Dialect,
        /// What the peer says it is; at most 64 characters, none that control a terminal.
        agent: String,
    },
}

/// Outputs in order.
#[derive(Debug, Default)]
pub struct Outputs(VecDeque<Output>);

impl Outputs {
    /// Puts an output at the end.
    pub fn put(&mut self, output: Output) {
        self.0.push_back(output);
    }

    /// One frame to one connection.
    pub fn send(&mut self, conn: ConnId, what: &Envelope) {
        self.put(Output::Send { conn, frames: frame::binary(&codec::encode(what)) });
    }

    /// Frames to many; nothing when there is nobody.
    pub fn fanout(&mut self, to: &Arc<Vec<ConnId>>, frames: &Bytes) {
        if !to.is_empty() {
            self.put(Output::Fanout { to: to.clone(), frames: frames.clone() });
        }
    }

    /// The oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }
}
