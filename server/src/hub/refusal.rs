//! Refusals of envelopes and connections.

use parlour_core::{Millis, codec, model::MessageId, status::Status};

use super::{Hub, connection_table::ConnectionId, output::Output};

impl Hub {
    /// Refuses an envelope. A connection with too many refusals is closed.
    pub(super) fn refuse(
        &mut self,
        conn: ConnectionId,
        status: Status,
        id: Option<MessageId>,
        retry_after: Millis,
        suggestion: Option<String>,
    ) {
        self.counters.refused += 1;
        let now = self.now;
        let Some(basic) = self.connections.get(conn).map(|c| c.is_basic()) else { return };
        if self.limits_mut(conn).is_none_or(|limits| limits.refusals.take(now).is_err()) {
            return self.close(conn, Status::RateLimited);
        }
        self.send_refusal(conn, basic, status, id, retry_after, suggestion);
    }

    /// Refuses a connection and closes it.
    pub(super) fn reject(&mut self, conn: ConnectionId, status: Status, suggestion: Option<String>) {
        self.counters.refused += 1;
        // An unauthenticated connection may speak either dialect, so its refusal is readable in both.
        let as_text = self.connections.get(conn).is_some_and(|c| c.peer.is_none() || c.is_basic());
        self.send_refusal(conn, as_text, status, None, 0, suggestion);
        self.close(conn, status);
    }

    /// Refuses a login that may succeed later, and closes its connection.
    pub(super) fn reject_later(&mut self, conn: ConnectionId, status: Status, retry_after: Millis) {
        self.counters.refused += 1;
        let retry_after = u32::try_from(retry_after).unwrap_or(u32::MAX);
        self.out.send(conn, &codec::refusal(status, None, retry_after, None));
        self.close(conn, status);
    }

    /// Sends a refusal; with `as_text` also as a message of the server, which basic clients show.
    pub(super) fn send_refusal(
        &mut self,
        conn: ConnectionId,
        as_text: bool,
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
        let mut envelope = codec::refusal(status, id, retry_after, suggestion);
        if as_text {
            envelope.user_name = self.settings.server_name.clone();
            envelope.r#type = codec::TALK.into();
            envelope.content = content;
        }
        self.out.send(conn, &envelope);
    }

    /// Closes a connection after the frames that were sent to it.
    pub(super) fn close(&mut self, conn: ConnectionId, status: Status) {
        self.remove_connection(conn, status != Status::Normal);
        self.out.put(Output::Close { conn, status });
    }
}
