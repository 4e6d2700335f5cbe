//! Saying that a frame had no effect, or that a connection ends.

use parlour_core::{Millis, codec, model::MessageId, status::Status};

use super::{Hub, output::Output, table::ConnId};

impl Hub {
    /// Says that a frame had no effect. Who needs to be told too often is closed.
    pub(super) fn refuse(
        &mut self,
        conn: ConnId,
        status: Status,
        id: Option<MessageId>,
        retry_after: Millis,
        suggestion: Option<String>,
    ) {
        self.counters.refused += 1;
        let now = self.now;
        let Some(c) = self.conns.get_mut(conn) else { return };
        if c.strikes.take(now).is_err() {
            return self.close(conn, Status::RateLimited);
        }
        let basic = c.is_basic();
        self.send_refusal(conn, basic, status, id, retry_after, suggestion);
    }

    /// Refuses the connection: says so, and closes it.
    pub(super) fn reject(&mut self, conn: ConnId, status: Status, suggestion: Option<String>) {
        self.counters.refused += 1;
        // A stranger may be of either dialect, so its refusal is in words too.
        let words = self.conns.get(conn).is_some_and(|c| c.peer.is_none() || c.is_basic());
        self.send_refusal(conn, words, status, None, 0, suggestion);
        self.close(conn, status);
    }

    /// A refusal; `words` makes it one that a desktop client shows as a line of the server's.
    pub(super) fn send_refusal(
        &mut self,
        conn: ConnId,
        words: bool,
        status: Status,
        id: Option<MessageId>,
        retry_after: Millis,
        suggestion: Option<String>,
    ) {
        let retry_after = u32::try_from(retry_after).unwrap_or(u32::MAX);
        let mut content = status.text().to_owned();
        if let Some(name) = &suggestion {
            content.push_str(&format!(" Try \"{name}\"."));
        }
        let mut frame = codec::refusal(status, id, retry_after, suggestion);
        if words {
            frame.user_name = self.settings.server_name.clone();
            frame.r#type = codec::TALK.into();
            frame.content = content;
        }
        self.out.send(conn, &frame);
    }

    /// Ends a connection after what was sent to it.
    pub(super) fn close(&mut self, conn: ConnId, status: Status) {
        self.forget(conn, status != Status::Normal);
        self.out.put(Output::Close { conn, status });
    }
}
