//! The encoding of events.

use prost::Message as _;

use super::{
    super::events::{self, Decoded},
    *,
};

#[test]
fn every_event_is_the_same_after_encoding_and_decoding() {
    let message = Message {
        id: MessageId([3; 16]),
        sender: None,
        nick: "lili".into(),
        content: "你好".into(),
        seq: 4,
        time: -5,
        own: true,
        delivery: Delivery::Failed(Status::ContentTooLong),
    };
    let refusal =
        Refusal { status: Status::Busy, text: "x".into(), suggestion: Some("y".into()), retry_after: 9 };
    let identity = Identity {
        nick: "tom".into(),
        dialect: Dialect::Basic,
        limits: crate::limits::Limits::default(),
        server_name: Some("Hall".into()),
        search: true,
        echoes_text: true,
    };
    let others: Vec<_> = [Delivery::Sent, Delivery::Queued, Delivery::Pending]
        .map(|delivery| Message { delivery, own: false, ..message.clone() })
        .into();
    let matches = vec![message.clone()];
    let events = [
        Event::Connection(Connection::Idle),
        Event::Connection(Connection::Connecting),
        Event::Connection(Connection::Online { dialect: Dialect::Basic }),
        Event::Connection(Connection::Reconnecting {
            status: Status::NoAnswer,
            retry_at: None,
            attempt: 3,
            suggestion: Some("tom2".into()),
        }),
        Event::Renamed("tom2".into()),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: None }),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: Some(refusal.clone()) }),
        Event::LoggedIn(identity),
        Event::LoggedOut,
        Event::Message(message),
        Event::HistoryPage(others),
        Event::PageFinished { requester: 7, result: Ok(()) },
        Event::PageFinished { requester: u64::MAX, result: Err(Status::LogUnavailable) },
        Event::SeekFinished { requester: u64::MAX, seq: None },
        Event::SeekFinished { requester: 1, seq: Some(9) },
        Event::SearchFinished { requester: 1, results: Err(Status::NoAnswer) },
        Event::SearchFinished {
            requester: 1,
            results: Ok(SearchResults { messages: matches, more: true, partial: Some(7) }),
        },
        Event::RangeLoaded(Range { from: 1, to: u64::MAX }),
        Event::LogReplaced,
        Event::FromDevice(true),
        Event::Delivery(MessageId([1; 16]), Delivery::Failed(Status::Unconfirmed)),
        Event::Throttled(Status::LogUnavailable, 7),
        Event::Discarded(MessageId([2; 16])),
        Event::PresenceChanged(PresenceChange { nick: "a".into(), joined: true }, 9),
        Event::Notice(Notice::MessagesMissed),
        Event::Notice(Notice::NotPersisted),
        Event::Notice(Notice::ConnectionBroke(Status::InvalidText)),
        Event::Notice(Notice::UnreadableFrame),
        Event::Notice(Notice::Server("s".into())),
        Event::Refused(refusal),
        Event::RoundTrip(12),
    ];
    for event in events {
        let bytes = events::encode(100, &event).unwrap().encode_to_vec();
        let Some(Decoded::Event(decoded)) = events::decode(900, TabEvent::decode(&*bytes).unwrap()) else {
            panic!("{event:?}")
        };
        assert_eq!(decoded, event);
    }
    // The answer to a request of one tab.
    let members = Event::Notice(Notice::Members { nicks: vec!["a".into()], more: 2 });
    assert!(events::encode(100, &members).is_none());
    // The remaining time is the same on both clocks.
    let at = |retry_at| Connection::Reconnecting {
        status: Status::NoAnswer,
        retry_at: Some(retry_at),
        attempt: 1,
        suggestion: None,
    };
    let encoded = events::encode(100, &Event::Connection(at(350))).unwrap();
    assert!(
        matches!(events::decode(900, encoded), Some(Decoded::Event(Event::Connection(c))) if c == at(1_150))
    );
}
