//! Events as bytes. One flat message for all of them: every kind uses the fields it has something for, which takes a
//! fraction of the code that a message for each would take in the page.

use crate::{
    codec,
    device::{Kind, Told},
    event::{Event, Found},
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
    // Field by field: a whole one built anew in each arm is three kilobytes of the page.
    let mut told = Told::default();
    let kind = match event {
        Event::Connection(Connection::Idle) => Kind::Idle,
        Event::Connection(Connection::Connecting) => Kind::Connecting,
        Event::Connection(Connection::Online { dialect }) => {
            told.flag = *dialect == Dialect::Basic;
            Kind::Online
        }
        Event::Connection(Connection::Reconnecting { status, retry_at, attempt }) => {
            told.code = status.code().into();
            // Clocks of two pages have nothing in common but their pace. One more, so that 0 is none.
            told.number = retry_at.map_or(0, |at| at.saturating_sub(now) + 1);
            told.other = (*attempt).into();
            Kind::Reconnecting
        }
        Event::Connection(Connection::Failed { status, refusal }) => {
            if let Some(refusal) = refusal {
                tell_refused(&mut told, refusal);
            }
            told.code = status.code().into();
            told.flag = refusal.is_some();
            Kind::Failed
        }
        Event::LoggedIn(identity) => {
            told.text = identity.nick.to_string();
            told.flag = identity.dialect == Dialect::Basic;
            told.limits = Some(identity.limits.to_wire());
            told.suggestion = identity.server_name.clone().unwrap_or_default();
            told.number = identity.search.into();
            Kind::LoggedIn
        }
        Event::LoggedOut => Kind::LoggedOut,
        Event::Message(message) => {
            tell_message(&mut told, message);
            Kind::Message
        }
        Event::Page(page) => {
            page.iter().for_each(|message| tell_message(&mut told, message));
            Kind::Page
        }
        Event::Known(range) => {
            (told.number, told.other) = (range.from, range.to);
            Kind::Known
        }
        Event::Forget => Kind::Forget,
        Event::FromDevice(flag) => {
            told.flag = *flag;
            Kind::FromDevice
        }
        Event::Delivery(id, delivery) => {
            told.frames.push(kept::entry_key(*id));
            told.number = delivery_code(*delivery);
            Kind::Delivery
        }
        Event::Discarded(id) => {
            told.frames.push(kept::entry_key(*id));
            Kind::Discarded
        }
        Event::Throttled(status, ms) => {
            told.code = status.code().into();
            told.number = (*ms).into();
            Kind::Throttled
        }
        Event::Moved(moved, time) => {
            told.text = moved.nick.to_string();
            told.flag = moved.joined;
            told.time = *time;
            Kind::Moved
        }
        Event::Notice(Notice::Missed) => Kind::Missed,
        Event::Notice(Notice::NothingKept) => Kind::NothingKept,
        Event::Notice(Notice::Broke(status)) => {
            told.code = status.code().into();
            Kind::Broke
        }
        Event::Notice(Notice::Unreadable) => Kind::Unreadable,
        Event::Notice(Notice::Server(text)) => {
            told.text.clone_from(text);
            Kind::Server
        }
        Event::Refused(refusal) => {
            tell_refused(&mut told, refusal);
            Kind::Refused
        }
        Event::RoundTrip(ms) => {
            told.number = (*ms).into();
            Kind::RoundTrip
        }
        Event::Sought { asker, seq } => {
            (told.number, told.other) = (seq.unwrap_or(0), *asker);
            Kind::Sought
        }
        Event::Found { asker, found } => {
            told.other = *asker;
            match found {
                Ok(found) => {
                    found.messages.iter().for_each(|message| tell_message(&mut told, message));
                    told.flag = found.more;
                }
                Err(status) => told.code = status.code().into(),
            }
            Kind::Found
        }
        // Told with the list itself; each page knows what it lacks; asked for by one.
        Event::Roster | Event::Gaps(_) | Event::Notice(Notice::Help | Notice::Who { .. }) => return None,
    };
    told.kind = kind.into();
    Some(told)
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
            search: told.number != 0,
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
        Kind::Missed => Event::Notice(Notice::Missed),
        Kind::NothingKept => Event::Notice(Notice::NothingKept),
        Kind::Broke => Event::Notice(Notice::Broke(status)),
        Kind::Unreadable => Event::Notice(Notice::Unreadable),
        Kind::Server => Event::Notice(Notice::Server(told.text)),
        Kind::Refused => Event::Refused(refusal(status, told)),
        Kind::RoundTrip => Event::RoundTrip(small),
        Kind::Sought => Event::Sought { asker: told.other, seq: Some(told.number).filter(|seq| *seq > 0) },
        Kind::Found => {
            let (asker, more) = (told.other, told.flag);
            let messages = if told.code == 0 { Ok(heard_messages(told)) } else { Err(status) };
            Event::Found { asker, found: messages.map(|messages| Found { messages, more }) }
        }
    }))
}

fn tell_refused(told: &mut Told, refusal: &Refused) {
    told.text.clone_from(&refusal.text);
    told.code = refusal.status.code().into();
    told.number = refusal.retry_after.into();
    told.suggestion = refusal.suggestion.clone().unwrap_or_default();
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

fn tell_message(told: &mut Told, message: &Message) {
    told.frames.push(codec::encode(&codec::said(message)));
    told.numbers.push(delivery_code(message.delivery) | if message.own { OWN } else { 0 });
}

fn heard_messages(told: Told) -> Vec<Message> {
    let mut messages = Vec::new();
    for (bytes, state) in told.frames.iter().zip(told.numbers) {
        let message = codec::decode(bytes).ok().and_then(codec::heard);
        if let (Some(message), Some(delivery)) = (message, delivery_of(state & !OWN)) {
            messages.push(Message { own: state & OWN != 0, delivery, ..message });
        }
    }
    messages
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
