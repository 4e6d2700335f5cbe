//! Several lanes: their turns, their order, and messages that end connections.

use super::*;

const ROOMS: [RoomId; 3] = [RoomId([1; 16]), RoomId([2; 16]), RoomId([3; 16])];

fn id(n: u64) -> MessageId {
    MessageId::new(n, [0; 10])
}

/// Adds messages to rooms, with ids from 1 on.
fn lanes(rooms: &[RoomId]) -> SendLanes {
    let mut lanes = SendLanes::default();
    for (n, room) in (1..).zip(rooms) {
        let message = QueuedMessage::new(id(n), "x".into(), 0, n, Stage::Queued);
        assert_eq!(lanes.push(*room, message), Ok(true));
    }
    lanes
}

/// Sends everything that can be sent.
fn send_all(lanes: &mut SendLanes, now: Millis) -> Vec<MessageId> {
    let mut sent = Vec::new();
    while let Next::Message(room, id) = lanes.next(now, 0) {
        lanes.sent(room, id);
        sent.push(id);
    }
    sent
}

#[test]
fn lanes_take_turns_and_keep_their_order() {
    let [a, b, c] = ROOMS;
    let mut lanes = lanes(&[a, a, a, b, c, c]);
    assert_eq!(send_all(&mut lanes, 0), [1, 4, 5, 2, 6, 3].map(id));
    assert_eq!(lanes.next(0, 0), Next::Nothing);
}

#[test]
fn a_paused_lane_does_not_hold_up_the_others() {
    let [a, b, _] = ROOMS;
    let mut lanes = lanes(&[a, a, b, b]);
    let first = lanes.next(0, 0);
    assert_eq!(first, Next::Message(a, id(1)));
    lanes.sent(a, id(1));
    assert_eq!(lanes.requeue_from(a, id(1), Status::Internal, Some(500)), [id(1)]);
    assert_eq!(send_all(&mut lanes, 0), [id(3), id(4)]);
    assert_eq!(lanes.next(0, 0), Next::Wait(500));
    assert_eq!(send_all(&mut lanes, 500), [id(1), id(2)]);
}

#[test]
fn a_refused_message_is_sent_before_an_earlier_one_that_is_sent_again() {
    let [a, ..] = ROOMS;
    // Either may be suspect, and is sent alone then.
    for suspect in [None, Some(id(1)), Some(id(2))] {
        let mut lanes = lanes(&[a, a, a]);
        lanes.failed(a, id(1), Status::EndsConnection);
        assert_eq!(send_all(&mut lanes, 0), [2, 3].map(id));
        lanes.requeue_from(a, id(2), Status::RateLimited, None);
        lanes.get_mut(a, id(1)).unwrap().pardon();
        if let Some(suspect) = suspect {
            lanes.get_mut(a, suspect).unwrap().ended = 2;
        }
        for n in [2, 3, 1] {
            assert_eq!(lanes.next(0, 0), Next::Message(a, id(n)), "{suspect:?}");
            lanes.sent(a, id(n));
            lanes.remove(a, id(n));
        }
    }
}

#[test]
fn messages_that_could_not_be_stored_are_sent_in_their_order() {
    let [a, ..] = ROOMS;
    let mut lanes = lanes(&[a, a, a]);
    send_all(&mut lanes, 0);
    for n in [3, 1, 2] {
        lanes.requeue_from(a, id(n), Status::LogUnavailable, None);
    }
    assert_eq!(send_all(&mut lanes, 0), [1, 2, 3].map(id));
    lanes.requeue_from(a, id(3), Status::RateLimited, None);
    lanes.requeue_from(a, id(1), Status::RateLimited, None);
    lanes.resume();
    assert_eq!(send_all(&mut lanes, 0), [1, 2, 3].map(id), "a new connection knows of no refusals");
}

#[test]
fn a_suspect_is_sent_alone_and_before_the_others_once_the_connection_is_stable() {
    let [a, b, _] = ROOMS;
    let mut lanes = lanes(&[a, b, b]);
    lanes.get_mut(a, id(1)).unwrap().ended = 2;
    assert_eq!(lanes.next(0, 100), Next::Message(b, id(2)), "it waits for a stable connection");
    lanes.sent(b, id(2));
    assert_eq!(lanes.next(100, 100), Next::Held);
    lanes.remove(b, id(2));
    assert_eq!(lanes.next(100, 100), Next::Message(a, id(1)));
    lanes.sent(a, id(1));
    assert_eq!(lanes.next(100, 100), Next::Held);
    lanes.remove(a, id(1));
    assert_eq!(lanes.next(100, 100), Next::Message(b, id(3)));
}

#[test]
fn messages_of_several_lanes_that_end_connections_fail() {
    const STABLE_AT: Millis = 100;
    let [a, b, c] = ROOMS;
    let mut lanes = lanes(&[a, b, c]);
    let ends_connection = [id(1), id(3)];
    // It was in flight when an earlier connection ended, so the others are suspect later than it.
    lanes.get_mut(c, id(3)).unwrap().ended = 1;
    let mut delivered = Vec::new();
    for _connection in 0..9 {
        let mut in_flight = Vec::new();
        for now in [0, STABLE_AT, STABLE_AT, STABLE_AT] {
            while let Next::Message(room, id) = lanes.next(now, STABLE_AT) {
                lanes.sent(room, id);
                in_flight.push((room, id));
            }
            if in_flight.iter().any(|(_, id)| ends_connection.contains(id)) {
                break;
            }
            delivered.extend(in_flight.drain(..).map(|(room, id)| lanes.remove(room, id).unwrap().id));
        }
        lanes.blame_in_flight(false);
        for (room, id) in in_flight {
            let message = lanes.get_mut(room, id).unwrap();
            message.stage = message.verdict().map_or(Stage::Queued, Stage::Failed);
        }
    }
    assert_eq!(delivered, [id(2)]);
    let stages: Vec<_> = lanes.iter().map(|(_, message)| message.stage).collect();
    assert_eq!(stages, [Stage::Failed(Status::EndsConnection); 2]);
}

#[test]
fn a_full_lane_refuses_messages_and_others_do_not() {
    let [a, b, _] = ROOMS;
    let mut lanes = SendLanes::default();
    let mut push = |room, n| lanes.push(room, QueuedMessage::new(id(n), "x".into(), 0, n, Stage::Queued));
    for n in 0..LANE_MESSAGES as u64 {
        assert_eq!(push(a, n), Ok(true));
    }
    assert_eq!(push(a, 5_000), Err(Status::QueueFull));
    assert_eq!(push(b, 5_000), Ok(true));
    let rest = (SEND_QUEUE_MESSAGES - LANE_MESSAGES - 1) as u64;
    for n in 0..rest {
        assert_eq!(push(ROOMS[2], 10_000 + n), Ok(true));
    }
    assert_eq!(push(b, 5_001), Err(Status::QueueFull), "all lanes together are full");
    assert_eq!(push(b, 5_000), Ok(false), "it is there already");
}
