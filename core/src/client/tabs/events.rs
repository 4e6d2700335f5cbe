//! Encodes the events of the leader's client for the other tabs.

use crate::{
    Millis,
    client::{AccountRecord, Event, Origin, OwnMessage, Reply, cursor::Cursor},
    codec,
    device::{
        self, AcknowledgedMessage, ClientEvent, ConnectionState, MessageRef, TabNotice,
        client_event::Event as Wire, connection_state::State, tab_notice::Notice as WireNotice,
    },
    model::{Connection, Delivery, Dialect, MessageId, Refusal, RoomId},
    persist::{account::StoredAccount, queue},
    send_queue::{QueuedMessage, Stage},
    status::Status,
    timeline::Notice,
    wire::{self, client_command::Operation, response::Result as Answer, server_event::Body},
};

use super::post::decode_reference;

/// A decoded event.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    Event(Event),
    /// [`Event::LoggedIn`], with the account as the device has it.
    LoggedIn(Box<AccountRecord>),
    /// [`Event::Answer`]. What kind of reply it is depends on the command.
    Answer {
        tab: Origin,
        number: u32,
        room: RoomId,
        result: Result<Answer, Refusal>,
    },
}

/// Encodes an event at `now` on the leader's clock. `record` is the account of the leader's client. `None` for an event that
/// other tabs do not need.
pub(super) fn encode(now: Millis, event: &Event, record: Option<&AccountRecord>) -> Option<ClientEvent> {
    let event = match event {
        Event::Received(envelope) => Wire::Received(codec::encode(envelope).into()),
        Event::Connection(connection) => Wire::Connection(encode_connection(now, connection)),
        Event::LoggedIn(identity, _) => Wire::LoggedIn(device::LoggedIn {
            account: record.map(encode_record),
            echoes_text: identity.echoes_text,
        }),
        Event::LoggedOut => Wire::LoggedOut(true),
        // A room that this tab has created or joined is in the list of every tab, and the server does not tell again what is
        // in the window of a subscription.
        Event::Answer { origin: Origin::LOCAL, result, .. }
            if !matches!(result, Ok(Reply::Room(_) | Reply::Window(_))) =>
        {
            return None;
        }
        Event::Answer { origin, number, room, result } => {
            let response = wire::Response { request: *number, result: Some(encode_result(result)) };
            let event = wire::ServerEvent { room: room.to_wire(), body: Some(Body::Response(response)) };
            Wire::Answer(device::Answer { tab: origin.0, event: Some(event) })
        }
        Event::Unsubscribed(room) => Wire::Unsubscribed(room.to_wire()),
        Event::Cursor(room, cursor) => Wire::Cursor(wire::ClientCommand {
            room: room.to_wire(),
            operation: Some(Operation::Read(cursor.to_wire())),
            ..wire::ClientCommand::default()
        }),
        Event::Own(message) => Wire::Own(encode_own(message)),
        Event::Delivery(room, id, delivery) => Wire::Delivery(device::OwnMessage {
            message: Some(device::QueuedMessage {
                id: id.0.to_vec(),
                room: room.to_wire(),
                ..device::QueuedMessage::default()
            }),
            delivery: delivery.to_code(),
        }),
        Event::Acknowledged { room, id, content, seq, time } => Wire::Acknowledged(AcknowledgedMessage {
            room: room.to_wire(),
            id: id.0.to_vec(),
            content: content.to_string(),
            seq: *seq,
            time: *time,
        }),
        Event::Discarded(room, id) => Wire::Discarded(MessageRef { room: room.to_wire(), id: id.0.to_vec() }),
        Event::Throttled(room, status, duration) => Wire::Throttled(device::Throttled {
            all: room.is_none(),
            room: room.map(RoomId::to_wire).unwrap_or_default(),
            code: status.code().into(),
            duration: *duration,
        }),
        Event::Notice(notice) => Wire::Notice(TabNotice { notice: Some(encode_notice(notice)?) }),
        Event::Refused(refusal) => Wire::Refused(encode_refusal(refusal)),
        Event::RoundTrip(ms) => Wire::RoundTrip(*ms),
    };
    Some(ClientEvent { event: Some(event) })
}

/// Decodes an event at `now` on the follower's clock. `None` if it is invalid, or of a later version of the client.
pub(super) fn decode(now: Millis, event: ClientEvent) -> Option<Decoded> {
    Some(Decoded::Event(match event.event? {
        Wire::Received(bytes) => Event::Received(Box::new(codec::decode(&bytes).ok()?)),
        Wire::Connection(connection) => Event::Connection(decode_connection(now, connection)),
        Wire::LoggedIn(device::LoggedIn { account, echoes_text }) => {
            let mut record = decode_record(account?)?;
            record.identity.echoes_text = echoes_text;
            return Some(Decoded::LoggedIn(Box::new(record)));
        }
        Wire::LoggedOut(_) => Event::LoggedOut,
        Wire::Answer(device::Answer { tab, event }) => {
            let event = event?;
            let Some(Body::Response(wire::Response { request, result })) = event.body else { return None };
            let result = match result? {
                Answer::Refusal(refusal) => Err(decode_refusal(refusal)),
                answer => Ok(answer),
            };
            let room = RoomId::from_wire(&event.room)?;
            return Some(Decoded::Answer { tab: Origin(tab), number: request, room, result });
        }
        Wire::Unsubscribed(room) => Event::Unsubscribed(RoomId::from_wire(&room)?),
        Wire::Cursor(wire::ClientCommand { room, operation: Some(Operation::Read(cursor)), .. }) => {
            Event::Cursor(RoomId::from_wire(&room)?, Cursor::from(cursor))
        }
        Wire::Cursor(_) => return None,
        Wire::Own(message) => Event::Own(decode_own(message)?),
        Wire::Delivery(device::OwnMessage { message, delivery }) => {
            let message = message?;
            let (room, id) = (RoomId::from_wire(&message.room)?, MessageId::from_wire(&message.id)?);
            Event::Delivery(room, id, Delivery::from_code(delivery)?)
        }
        Wire::Acknowledged(AcknowledgedMessage { room, id, content, seq, time }) => Event::Acknowledged {
            room: RoomId::from_wire(&room)?,
            id: MessageId::from_wire(&id)?,
            content: content.into(),
            seq,
            time,
        },
        Wire::Discarded(reference) => {
            let (room, id) = decode_reference(&reference)?;
            Event::Discarded(room, id)
        }
        Wire::Throttled(device::Throttled { all, room, code, duration }) => {
            let room = if all { None } else { Some(RoomId::from_wire(&room)?) };
            Event::Throttled(room, status(code)?, duration)
        }
        Wire::Notice(notice) => Event::Notice(match notice.notice? {
            WireNotice::MessagesMissed(_) => Notice::MessagesMissed,
            WireNotice::NotPersisted(_) => Notice::NotPersisted,
            WireNotice::ConnectionBroke(code) => Notice::ConnectionBroke(status(code)?),
            WireNotice::UnreadableFrame(_) => Notice::UnreadableFrame,
            WireNotice::Server(text) => Notice::Server(text),
        }),
        Wire::Refused(refusal) => Event::Refused(decode_refusal(refusal)),
        Wire::RoundTrip(ms) => Event::RoundTrip(ms),
    }))
}

/// Returns `true` if an event is [`Event::LoggedIn`].
pub(super) fn is_login(event: &ClientEvent) -> bool {
    matches!(event.event, Some(Wire::LoggedIn(_)))
}

/// Returns `true` if an event is [`Event::LoggedOut`].
pub(super) fn is_logout(event: &ClientEvent) -> bool {
    matches!(event.event, Some(Wire::LoggedOut(_)))
}

/// The reply in an answer to a command, or to no command of this tab. `is_found`: its page is not added to the room.
pub(super) fn reply(answer: Answer, is_found: bool) -> Option<Reply> {
    Some(match answer {
        Answer::Done(wire::Done { seq, time }) => Reply::Done { seq, time },
        Answer::Window(window) => Reply::Window(window),
        Answer::Page(page) if is_found => Reply::Found(page),
        Answer::Page(page) => Reply::Loaded(page),
        Answer::Room(row) => Reply::Room(row),
        Answer::Rooms(rooms) => Reply::Rooms(rooms),
        Answer::People(people) => Reply::People(people),
        Answer::Link(link) => Reply::Link(link),
        Answer::Refusal(_) => return None,
    })
}

fn encode_result(result: &Result<Reply, Refusal>) -> Answer {
    match result.clone() {
        Ok(Reply::Done { seq, time }) => Answer::Done(wire::Done { seq, time }),
        Ok(Reply::Window(window)) => Answer::Window(window),
        Ok(Reply::Loaded(page) | Reply::Found(page)) => Answer::Page(page),
        Ok(Reply::Room(row)) => Answer::Room(row),
        Ok(Reply::Rooms(rooms)) => Answer::Rooms(rooms),
        Ok(Reply::People(people)) => Answer::People(people),
        Ok(Reply::Link(link)) => Answer::Link(link),
        Err(refusal) => Answer::Refusal(encode_refusal(&refusal)),
    }
}

fn encode_record(record: &AccountRecord) -> device::Account {
    let AccountRecord { identity, account, secret, attempt } = record.clone();
    // The log and the version are in the welcome.
    StoredAccount { identity, account, secret, attempt, log: Vec::new(), version: 0 }.to_wire()
}

fn decode_record(value: device::Account) -> Option<AccountRecord> {
    let StoredAccount { identity, account, secret, attempt, .. } = StoredAccount::from_wire(value)?;
    Some(AccountRecord { identity, account, secret, attempt })
}

fn encode_connection(now: Millis, connection: &Connection) -> ConnectionState {
    let empty = ConnectionState::default();
    match connection {
        Connection::Idle => ConnectionState { state: State::Idle.into(), ..empty },
        Connection::Connecting => ConnectionState { state: State::Connecting.into(), ..empty },
        Connection::Online { dialect } => {
            ConnectionState { state: State::Online.into(), basic: *dialect == Dialect::Basic, ..empty }
        }
        Connection::Reconnecting { status, retry_at, attempt, suggestion } => ConnectionState {
            state: State::Reconnecting.into(),
            code: status.code().into(),
            retry_in: retry_at.map_or(0, |at| at.saturating_sub(now).saturating_add(1)),
            attempt: *attempt,
            suggestion: suggestion.clone().unwrap_or_default(),
            ..empty
        },
        Connection::Failed { status, refusal } => ConnectionState {
            state: State::Failed.into(),
            code: status.code().into(),
            refusal: refusal.as_ref().map(encode_refusal),
            ..empty
        },
    }
}

fn decode_connection(now: Millis, connection: ConnectionState) -> Connection {
    let status = || status(connection.code).unwrap_or(Status::NotConnected);
    match connection.state() {
        State::Idle => Connection::Idle,
        State::Connecting => Connection::Connecting,
        State::Online => {
            Connection::Online { dialect: if connection.basic { Dialect::Basic } else { Dialect::Rich } }
        }
        State::Reconnecting => Connection::Reconnecting {
            status: status(),
            retry_at: connection.retry_in.checked_sub(1).map(|wait| now.saturating_add(wait)),
            attempt: connection.attempt,
            suggestion: non_empty(connection.suggestion),
        },
        State::Failed => {
            Connection::Failed { status: status(), refusal: connection.refusal.map(decode_refusal) }
        }
    }
}

fn encode_own(message: &OwnMessage) -> device::OwnMessage {
    let OwnMessage { room, id, ref content, time, order, delivery } = *message;
    let stage = match delivery {
        Delivery::Failed(status) => Stage::Failed(status),
        _ => Stage::Queued,
    };
    let queued = QueuedMessage::new(id, content.clone(), time, order, stage);
    device::OwnMessage { message: Some(queue::to_wire(room, &queued)), delivery: delivery.to_code() }
}

fn decode_own(message: device::OwnMessage) -> Option<OwnMessage> {
    let delivery = Delivery::from_code(message.delivery)?;
    let (room, QueuedMessage { id, content, time, order, .. }) = queue::from_wire(message.message?)?;
    Some(OwnMessage { room, id, content, time, order, delivery })
}

fn encode_notice(notice: &Notice) -> Option<WireNotice> {
    Some(match notice {
        Notice::MessagesMissed => WireNotice::MessagesMissed(true),
        Notice::NotPersisted => WireNotice::NotPersisted(true),
        Notice::ConnectionBroke(status) => WireNotice::ConnectionBroke(status.code().into()),
        Notice::UnreadableFrame => WireNotice::UnreadableFrame(true),
        Notice::Server(text) => WireNotice::Server(text.clone()),
        // The answers to commands of one tab.
        Notice::Help | Notice::Members { .. } | Notice::MembersLoading | Notice::Room { .. } => return None,
    })
}

fn encode_refusal(refusal: &Refusal) -> wire::Refusal {
    wire::Refusal {
        code: refusal.status.code().into(),
        text: refusal.text.clone(),
        retry_after_ms: refusal.retry_after,
        suggestion: refusal.suggestion.clone().unwrap_or_default(),
        ..wire::Refusal::default()
    }
}

fn decode_refusal(refusal: wire::Refusal) -> Refusal {
    Refusal {
        status: status(refusal.code).unwrap_or(Status::NotConnected),
        text: refusal.text,
        suggestion: non_empty(refusal.suggestion),
        retry_after: refusal.retry_after_ms,
    }
}

fn status(code: u32) -> Option<Status> {
    u16::try_from(code).ok().map(Status::from_code)
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
