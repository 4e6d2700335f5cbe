//! Encodes session events for other tabs. [`TabEvent`] is one flat message for all kinds of events; `encode` and `decode`
//! define which fields a kind uses.

use bytes::Bytes;

use crate::{
    Millis, codec,
    device::{TabEvent, TabEventKind as Kind},
    event::{Event, SearchResults},
    limits::Limits,
    model::{Connection, Delivery, Dialect, Identity, Member, Message, MessageId, PresenceState, Refusal},
    persist::{self, Account},
    presence::PresenceChange,
    ranges::Range,
    status::Status,
    timeline::Notice,
};

/// A decoded event.
pub(super) enum Decoded {
    Event(Event),
    /// [`Event::MembersChanged`], with the listed members and the number of all.
    Members(Vec<Member>, usize),
    /// The value of the table `Account`.
    Account(Vec<u8>),
}

/// Encodes an event at `now` on the leader's clock. `None` for events that other tabs do not need.
pub(super) fn encode(now: Millis, event: &Event) -> Option<TabEvent> {
    let empty = TabEvent::default;
    let (kind, fields) = match event {
        Event::Connection(connection) => encode_connection(now, connection),
        Event::LoggedIn(identity) => {
            let fields = TabEvent {
                text: identity.nick.to_string(),
                flag: identity.dialect == Dialect::Basic,
                limits: Some(identity.limits.to_wire()),
                suggestion: identity.server_name.clone().unwrap_or_default(),
                number: identity.search.into(),
                other: identity.echoes_text.into(),
                ..empty()
            };
            (Kind::LoggedIn, fields)
        }
        Event::Renamed(nick) => (Kind::Renamed, TabEvent { text: nick.to_string(), ..empty() }),
        Event::LoggedOut => (Kind::LoggedOut, empty()),
        Event::Message(message) => (Kind::Message, encode_messages(std::slice::from_ref(message))),
        Event::HistoryPage(page) => (Kind::HistoryPage, encode_messages(page)),
        Event::RangeLoaded(range) => {
            (Kind::RangeLoaded, TabEvent { number: range.from, other: range.to, ..empty() })
        }
        Event::LogReplaced => (Kind::LogReplaced, empty()),
        Event::FromDevice(flag) => (Kind::FromDevice, TabEvent { flag: *flag, ..empty() }),
        Event::Delivery(id, delivery) => {
            let frames = vec![encode_id(*id)];
            (Kind::Delivery, TabEvent { frames, number: delivery.to_code().into(), ..empty() })
        }
        Event::Discarded(id) => (Kind::Discarded, TabEvent { frames: vec![encode_id(*id)], ..empty() }),
        Event::Throttled(status, ms) => {
            (Kind::Throttled, TabEvent { code: status.code().into(), number: (*ms).into(), ..empty() })
        }
        Event::PresenceChanged(change, time) => {
            let text = change.nick.to_string();
            (Kind::PresenceChanged, TabEvent { text, flag: change.joined, time: *time, ..empty() })
        }
        Event::Notice(Notice::MessagesMissed) => (Kind::MessagesMissed, empty()),
        Event::Notice(Notice::NotPersisted) => (Kind::NotPersisted, empty()),
        Event::Notice(Notice::ConnectionBroke(status)) => {
            (Kind::ConnectionBroke, TabEvent { code: status.code().into(), ..empty() })
        }
        Event::Notice(Notice::UnreadableFrame) => (Kind::UnreadableFrame, empty()),
        Event::Notice(Notice::Server(text)) => (Kind::ServerText, TabEvent { text: text.clone(), ..empty() }),
        Event::Refused(refusal) => (Kind::Refused, encode_refusal(refusal)),
        Event::RoundTrip(ms) => (Kind::RoundTrip, TabEvent { number: (*ms).into(), ..empty() }),
        Event::SeekFinished { requester, seq } => {
            (Kind::SeekFinished, TabEvent { number: seq.unwrap_or(0), other: *requester, ..empty() })
        }
        Event::PageFinished { requester, result } => {
            let code = result.map_or_else(|status| status.code().into(), |()| 0);
            (Kind::PageFinished, TabEvent { other: *requester, code, ..empty() })
        }
        Event::SearchFinished { requester, results } => {
            let fields = match results {
                Ok(results) => TabEvent {
                    flag: results.more,
                    // 0 if the results are complete.
                    number: results.partial.map_or(0, |searched| searched.saturating_add(1)),
                    ..encode_messages(&results.messages)
                },
                Err(status) => TabEvent { code: status.code().into(), ..empty() },
            };
            (Kind::SearchFinished, TabEvent { other: *requester, ..fields })
        }
        // Members are sent by `members`; each tab has its own gaps; these notices answer a command in one tab.
        Event::MembersChanged | Event::Gaps(_) | Event::Notice(Notice::Help | Notice::Members { .. }) => {
            return None;
        }
        // Each tab reports these itself.
        Event::OutdatedSince(_)
        | Event::Unread(_)
        | Event::CommandFailed(_)
        | Event::Notice(Notice::MembersLoading | Notice::Room { .. }) => return None,
    };
    Some(TabEvent { kind: kind.into(), ..fields })
}

fn encode_connection(now: Millis, connection: &Connection) -> (Kind, TabEvent) {
    let empty = TabEvent::default;
    match connection {
        Connection::Idle => (Kind::Idle, empty()),
        Connection::Connecting => (Kind::Connecting, empty()),
        Connection::Online { dialect } => {
            (Kind::Online, TabEvent { flag: *dialect == Dialect::Basic, ..empty() })
        }
        Connection::Reconnecting { status, retry_at, attempt, suggestion } => {
            let fields = TabEvent {
                code: status.code().into(),
                // The remaining time, because each tab's clock has its own origin; plus one, so that 0 means none.
                number: retry_at.map_or(0, |at| at.saturating_sub(now) + 1),
                other: (*attempt).into(),
                suggestion: suggestion.clone().unwrap_or_default(),
                ..empty()
            };
            (Kind::Reconnecting, fields)
        }
        Connection::Failed { status, refusal } => {
            let fields = refusal.as_ref().map(encode_refusal).unwrap_or_default();
            (Kind::Failed, TabEvent { code: status.code().into(), flag: refusal.is_some(), ..fields })
        }
    }
}

/// Encodes the member list.
pub(super) fn members(members: &[Member], total: usize) -> TabEvent {
    TabEvent {
        kind: Kind::Members.into(),
        number: total as u64,
        names: members.iter().map(|member| member.nick.to_string()).collect(),
        numbers: members.iter().map(|member| u64::from(member.state == PresenceState::Away)).collect(),
        ..TabEvent::default()
    }
}

/// Encodes the account as it is persisted.
pub(super) fn account(account: &Account) -> TabEvent {
    let frames = vec![persist::encode_account(account)];
    TabEvent { kind: Kind::Account.into(), frames, ..TabEvent::default() }
}

/// Returns `true` if an event is [`Event::LoggedOut`].
pub(super) fn is_logout(event: &TabEvent) -> bool {
    event.kind == i32::from(Kind::LoggedOut)
}

/// Decodes an event at `now` on the follower's clock. `None` for a kind that only a later version of the client knows.
pub(super) fn decode(now: Millis, event: TabEvent) -> Option<Decoded> {
    let status = Status::from_code(u16::try_from(event.code).ok()?);
    let number = u32::try_from(event.number).unwrap_or(u32::MAX);
    let kind = Kind::try_from(event.kind).ok()?;
    Some(Decoded::Event(match kind {
        Kind::Nothing => return None,
        Kind::Members => {
            let is_away = |at: usize| event.numbers.get(at) == Some(&1);
            let state = |at| if is_away(at) { PresenceState::Away } else { PresenceState::Online };
            let members = event.names.iter().enumerate();
            let members = members.map(|(at, nick)| Member { nick: nick.as_str().into(), state: state(at) });
            return Some(Decoded::Members(members.collect(), usize::try_from(event.number).unwrap_or(0)));
        }
        Kind::Account => return Some(Decoded::Account(event.frames.first()?.to_vec())),
        Kind::Idle => Event::Connection(Connection::Idle),
        Kind::Connecting => Event::Connection(Connection::Connecting),
        Kind::Online => Event::Connection(Connection::Online { dialect: decode_dialect(event.flag) }),
        Kind::Reconnecting => Event::Connection(Connection::Reconnecting {
            status,
            retry_at: event.number.checked_sub(1).map(|remaining| now + remaining),
            attempt: u32::try_from(event.other).unwrap_or(u32::MAX),
            suggestion: non_empty(event.suggestion),
        }),
        Kind::Failed => {
            let refusal = event.flag.then(|| decode_refusal(status, event));
            Event::Connection(Connection::Failed { status, refusal })
        }
        Kind::LoggedIn => Event::LoggedIn(Identity {
            nick: event.text.into(),
            dialect: decode_dialect(event.flag),
            limits: Limits::from_wire(&event.limits.unwrap_or_default()),
            server_name: non_empty(event.suggestion),
            search: event.number != 0,
            echoes_text: event.other != 0,
        }),
        Kind::Renamed => Event::Renamed(event.text.into()),
        Kind::LoggedOut => Event::LoggedOut,
        Kind::Message => Event::Message(decode_messages(event).pop()?),
        Kind::HistoryPage => Event::HistoryPage(decode_messages(event)),
        Kind::RangeLoaded => Event::RangeLoaded(Range { from: event.number, to: event.other }),
        Kind::LogReplaced => Event::LogReplaced,
        Kind::FromDevice => Event::FromDevice(event.flag),
        Kind::Delivery => {
            Event::Delivery(MessageId::from_wire(event.frames.first()?)?, decode_delivery(event.number)?)
        }
        Kind::Discarded => Event::Discarded(MessageId::from_wire(event.frames.first()?)?),
        Kind::Throttled => Event::Throttled(status, number),
        Kind::PresenceChanged => {
            Event::PresenceChanged(PresenceChange { nick: event.text.into(), joined: event.flag }, event.time)
        }
        Kind::MessagesMissed => Event::Notice(Notice::MessagesMissed),
        Kind::NotPersisted => Event::Notice(Notice::NotPersisted),
        Kind::ConnectionBroke => Event::Notice(Notice::ConnectionBroke(status)),
        Kind::UnreadableFrame => Event::Notice(Notice::UnreadableFrame),
        Kind::ServerText => Event::Notice(Notice::Server(event.text)),
        Kind::Refused => Event::Refused(decode_refusal(status, event)),
        Kind::RoundTrip => Event::RoundTrip(number),
        Kind::SeekFinished => {
            Event::SeekFinished { requester: event.other, seq: Some(event.number).filter(|seq| *seq > 0) }
        }
        Kind::PageFinished => {
            let result = if event.code == 0 { Ok(()) } else { Err(status) };
            Event::PageFinished { requester: event.other, result }
        }
        Kind::SearchFinished => {
            let (requester, more, partial) = (event.other, event.flag, event.number.checked_sub(1));
            let messages = if event.code == 0 { Ok(decode_messages(event)) } else { Err(status) };
            let results = messages.map(|messages| SearchResults { messages, more, partial });
            Event::SearchFinished { requester, results }
        }
    }))
}

fn encode_refusal(refusal: &Refusal) -> TabEvent {
    TabEvent {
        text: refusal.text.clone(),
        code: refusal.status.code().into(),
        number: refusal.retry_after.into(),
        suggestion: refusal.suggestion.clone().unwrap_or_default(),
        ..TabEvent::default()
    }
}

fn decode_refusal(status: Status, event: TabEvent) -> Refusal {
    let retry_after = u32::try_from(event.number).unwrap_or(u32::MAX);
    Refusal { status, text: event.text, suggestion: non_empty(event.suggestion), retry_after }
}

fn encode_id(MessageId(id): MessageId) -> Bytes {
    Bytes::copy_from_slice(&id)
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn decode_dialect(basic: bool) -> Dialect {
    if basic { Dialect::Basic } else { Dialect::Rich }
}

/// The flag of an own message, added to the code of its delivery state.
const OWN: u64 = 1 << 32;

fn encode_messages(messages: &[Message]) -> TabEvent {
    let own = |message: &Message| if message.own { OWN } else { 0 };
    TabEvent {
        frames: messages.iter().map(|message| codec::encode(&codec::delivered(message))).collect(),
        numbers: messages
            .iter()
            .map(|message| u64::from(message.delivery.to_code()) | own(message))
            .collect(),
        ..TabEvent::default()
    }
}

fn decode_messages(event: TabEvent) -> Vec<Message> {
    let mut messages = Vec::new();
    for (bytes, state) in event.frames.iter().zip(event.numbers) {
        let message = codec::decode(bytes).ok().and_then(codec::received);
        if let (Some(message), Some(delivery)) = (message, decode_delivery(state & !OWN)) {
            messages.push(Message { own: state & OWN != 0, delivery, ..message });
        }
    }
    messages
}

fn decode_delivery(code: u64) -> Option<Delivery> {
    Delivery::from_code(u32::try_from(code).ok()?)
}
