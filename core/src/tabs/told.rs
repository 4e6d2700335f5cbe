//! Events as bytes. One flat message for all of them: every kind uses the fields it has something for, which takes a
//! fraction of the code that a message for each would take in the page.

use bytes::Bytes;

use crate::{
    codec,
    device::{Kind, Told},
    event::Event,
    kept,
    limits::Limits,
    model::{Connection, Delivery, Dialect, Identity, Member, Message, MessageId, PresenceState, Refused},
    presence::Moved,
    ranges::Range,
    status::Status,
    timeline::Notice,
};

/// What an event says, once the parts that no event holds are with it.
pub(super) enum Heard {
    Event(Event),
    Roster(Vec<Member>, usize),
}

/// An event, told at `now` on the teller's clock. `None` for one that is nobody else's business.
pub(super) fn tell(now: crate::Millis, event: &Event) -> Option<Told> {
    let of = |kind: Kind| Told { kind: kind.into(), ..Told::default() };
    Some(match event {
        Event::Connection(Connection::Idle) => of(Kind::Idle),
        Event::Connection(Connection::Connecting) => of(Kind::Connecting),
        Event::Connection(Connection::Online { dialect }) => {
            Told { flag: *dialect == Dialect::Basic, ..of(Kind::Online) }
        }
        Event::Connection(Connection::Reconnecting { status, retry_at, attempt }) => Told {
            code: status.code().into(),
            // Clocks of two pages have nothing in common but their pace. One more, so that 0 is none.
            number: retry_at.map_or(0, |at| at.saturating_sub(now) + 1),
            other: (*attempt).into(),
            ..of(Kind::Reconnecting)
        },
        Event::Connection(Connection::Failed { status, refusal }) => {
            let refused = refusal.as_ref().map_or_else(|| of(Kind::Failed), refused);
            Told { kind: Kind::Failed.into(), code: status.code().into(), flag: refusal.is_some(), ..refused }
        }
        Event::LoggedIn(identity) => Told {
            text: identity.nick.to_string(),
            flag: identity.dialect == Dialect::Basic,
            limits: Some(identity.limits.to_wire()),
            suggestion: identity.server_name.clone().unwrap_or_default(),
            ..of(Kind::LoggedIn)
        },
        Event::LoggedOut => of(Kind::LoggedOut),
        Event::Message(message) => messages(Kind::Message, std::slice::from_ref(message)),
        Event::Page(page) => messages(Kind::Page, page),
        Event::Known(range) => Told { number: range.from, other: range.to, ..of(Kind::Known) },
        Event::Forget => of(Kind::Forget),
        Event::FromDevice(flag) => Told { flag: *flag, ..of(Kind::FromDevice) },
        Event::Delivery(id, delivery) => Told {
            frames: vec![kept::entry_key(*id)],
            number: delivery_code(*delivery),
            ..of(Kind::Delivery)
        },
        Event::Discarded(id) => Told { frames: vec![kept::entry_key(*id)], ..of(Kind::Discarded) },
        Event::Throttled(status, ms) => {
            Told { code: status.code().into(), number: (*ms).into(), ..of(Kind::Throttled) }
        }
        Event::Moved(moved, time) => {
            Told { text: moved.nick.to_string(), flag: moved.joined, time: *time, ..of(Kind::Moved) }
        }
        Event::Notice(Notice::Who { nicks, more }) => Told {
            names: nicks.iter().map(ToString::to_string).collect(),
            number: *more as u64,
            ..of(Kind::WhoIsThere)
        },
        Event::Notice(Notice::Missed) => of(Kind::Missed),
        Event::Notice(Notice::NothingKept) => of(Kind::NothingKept),
        Event::Notice(Notice::Broke(status)) => Told { code: status.code().into(), ..of(Kind::Broke) },
        Event::Notice(Notice::Unreadable) => of(Kind::Unreadable),
        Event::Notice(Notice::Server(text)) => Told { text: text.clone(), ..of(Kind::Server) },
        Event::Refused(refusal) => refused(refusal),
        Event::RoundTrip(ms) => Told { number: (*ms).into(), ..of(Kind::RoundTrip) },
        // Told with the list itself; each page knows what it lacks; asked for by one.
        Event::Roster | Event::Gaps(_) | Event::Notice(Notice::Help) => return None,
    })
}

/// Who is there.
pub(super) fn roster(members: &[Member], total: usize) -> Told {
    Told {
        kind: Kind::Roster.into(),
        number: total as u64,
        names: members.iter().map(|member| member.nick.to_string()).collect(),
        numbers: members.iter().map(|member| u64::from(member.state == PresenceState::Away)).collect(),
        ..Told::default()
    }
}

/// What was told, at `now` on the hearer's clock. `None` for what a later version of the page tells.
pub(super) fn hear(now: crate::Millis, told: Told) -> Option<Heard> {
    let status = Status::from_code(u16::try_from(told.code).ok()?);
    let small = u32::try_from(told.number).unwrap_or(u32::MAX);
    let kind = Kind::try_from(told.kind).ok()?;
    let connection = |connection| Event::Connection(connection);
    Some(Heard::Event(match kind {
        Kind::Nothing => return None,
        Kind::Roster => {
            let away = |at: usize| told.numbers.get(at) == Some(&1);
            let state = |at| if away(at) { PresenceState::Away } else { PresenceState::Online };
            let members = told.names.iter().enumerate();
            let members = members.map(|(at, nick)| Member { nick: nick.as_str().into(), state: state(at) });
            return Some(Heard::Roster(members.collect(), usize::try_from(told.number).unwrap_or(0)));
        }
        Kind::Idle => connection(Connection::Idle),
        Kind::Connecting => connection(Connection::Connecting),
        Kind::Online => connection(Connection::Online { dialect: dialect(told.flag) }),
        Kind::Reconnecting => connection(Connection::Reconnecting {
            status,
            retry_at: told.number.checked_sub(1).map(|wait| now + wait),
            attempt: u32::try_from(told.other).unwrap_or(u32::MAX),
        }),
        Kind::Failed => {
            let refusal = told.flag.then(|| refusal(status, told));
            connection(Connection::Failed { status, refusal })
        }
        Kind::LoggedIn => Event::LoggedIn(Identity {
            nick: told.text.into(),
            dialect: dialect(told.flag),
            limits: Limits::from_wire(&told.limits.unwrap_or_default()),
            server_name: some(told.suggestion),
        }),
        Kind::LoggedOut => Event::LoggedOut,
        Kind::Message => Event::Message(heard_messages(told).pop()?),
        Kind::Page => Event::Page(heard_messages(told)),
        Kind::Known => Event::Known(Range { from: told.number, to: told.other }),
        Kind::Forget => Event::Forget,
        Kind::FromDevice => Event::FromDevice(told.flag),
        Kind::Delivery => {
            Event::Delivery(MessageId::from_wire(told.frames.first()?)?, delivery_of(told.number)?)
        }
        Kind::Discarded => Event::Discarded(MessageId::from_wire(told.frames.first()?)?),
        Kind::Throttled => Event::Throttled(status, small),
        Kind::Moved => Event::Moved(Moved { nick: told.text.into(), joined: told.flag }, told.time),
        Kind::WhoIsThere => Event::Notice(Notice::Who {
            nicks: told.names.into_iter().map(Into::into).collect(),
            more: usize::try_from(told.number).unwrap_or(0),
        }),
        Kind::Missed => Event::Notice(Notice::Missed),
        Kind::NothingKept => Event::Notice(Notice::NothingKept),
        Kind::Broke => Event::Notice(Notice::Broke(status)),
        Kind::Unreadable => Event::Notice(Notice::Unreadable),
        Kind::Server => Event::Notice(Notice::Server(told.text)),
        Kind::Refused => Event::Refused(refusal(status, told)),
        Kind::RoundTrip => Event::RoundTrip(small),
    }))
}

fn refused(refusal: &Refused) -> Told {
    Told {
        kind: Kind::Refused.into(),
        text: refusal.text.clone(),
        code: refusal.status.code().into(),
        number: refusal.retry_after.into(),
        suggestion: refusal.suggestion.clone().unwrap_or_default(),
        ..Told::default()
    }
}

fn refusal(status: Status, told: Told) -> Refused {
    let retry_after = u32::try_from(told.number).unwrap_or(u32::MAX);
    Refused { status, text: told.text, suggestion: some(told.suggestion), retry_after }
}

/// A text, if there is one.
fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn dialect(basic: bool) -> Dialect {
    if basic { Dialect::Basic } else { Dialect::Rich }
}

/// Whose a message is, in the number that goes with it.
const OWN: u64 = 1 << 32;

fn messages(kind: Kind, messages: &[Message]) -> Told {
    let frame = |message: &Message| codec::encode(&codec::said(message));
    let state = |message: &Message| delivery_code(message.delivery) | if message.own { OWN } else { 0 };
    Told {
        kind: kind.into(),
        frames: messages.iter().map(frame).collect(),
        numbers: messages.iter().map(state).collect(),
        ..Told::default()
    }
}

fn heard_messages(told: Told) -> Vec<Message> {
    let message = |(bytes, state): (Bytes, u64)| {
        let message = codec::heard(codec::decode(&bytes).ok()?)?;
        Some(Message { own: state & OWN != 0, delivery: delivery_of(state & !OWN)?, ..message })
    };
    told.frames.into_iter().zip(told.numbers).filter_map(message).collect()
}

fn delivery_code(delivery: Delivery) -> u64 {
    match delivery {
        Delivery::Sent => 0,
        Delivery::Queued => 1,
        Delivery::Pending => 2,
        Delivery::Failed(status) => 3 + u64::from(status.code()),
    }
}

fn delivery_of(code: u64) -> Option<Delivery> {
    Some(match code {
        0 => Delivery::Sent,
        1 => Delivery::Queued,
        2 => Delivery::Pending,
        code => Delivery::Failed(Status::from_code(u16::try_from(code - 3).ok()?)),
    })
}
