//! Slow, silent and lost peers do not affect others.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::{
    collections::BTreeSet,
    io::Write as _,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use common::{Client, Desktop, Message, PATIENCE, TestServer, eventually, undisturbed};
use parlour_core::{
    codec,
    wire::{self, client_command::Operation, page_request, response::Result as Answer, server_event::Body},
};
use parlour_server::{config::Span, conn::write_queue::HARD_LIMIT_FACTOR};

#[test]
fn peer_that_never_reads_is_closed() {
    let server = TestServer::with(|config| {
        config.queue_bytes = 128 * 1024;
        config.burst = 1_000_000;
    });
    undisturbed(&server, || {
        // A client that cannot load what it has missed.
        let mut blocked = Desktop::join(server.address, "blocked").unwrap();
        let mut sender = Client::login(server.address, "sender");
        let mut reader = Client::login(server.address, "reader");
        let text = "x".repeat(15_000);
        let mut sent = 0;
        while server.stats.too_slow.load(Relaxed) == 0 {
            let line = format!("{sent} {text}");
            sender.send_message(&line);
            reader.until(|c| c.has_received(&line));
            sender.frames.clear();
            sent += 1;
            assert!(sent < 5_000, "the system's buffers can't be that large");
        }
        reader.until(|c| c.presence("blocked").contains(&false));
        // Frames already sent arrive, then the reason; the queue was discarded.
        assert_eq!(blocked.until_closed().unwrap(), Message::Close(Some(4501)));
        let received = blocked.frames.iter().filter(|f| f.content.ends_with(&text)).count();
        assert!(
            received < sent && sent - received <= HARD_LIMIT_FACTOR * 128 * 1024 / 15_000 + 2,
            "{received} of {sent}"
        );
    });
}

#[test]
fn slow_consumer_resumes_and_loads_what_it_missed() {
    let server = TestServer::with(|config| config.queue_bytes = 128 * 1024);
    undisturbed(&server, || {
        let mut slow = Client::login(server.address, "slow");
        let mut sender = Client::login(server.address, "sender");
        let text = "x".repeat(15_000);
        let mut sent = Vec::new();
        while server.stats.skipped.load(Relaxed) == 0 {
            let line = format!("{} {text}", sent.len());
            sender.send_message(&line);
            sender.frames.clear();
            sent.push(line);
            assert!(sent.len() < 5_000, "the system's buffers can't be that large");
        }
        // It reads again: the queued frames, then a window at the current position.
        let window = |c: &Client| {
            c.events().find_map(|body| match body {
                Body::Window(window) => Some(window.clone()),
                _ => None,
            })
        };
        slow.until(|c| window(c).is_some());
        let window = window(&slow).unwrap();
        sender.send_message("after it");
        slow.until(|c| c.has_received("after it"));
        let received: Vec<_> = slow.frames.iter().filter(|f| f.ord > 0).map(|f| f.ord).collect();
        assert!(received.windows(2).all(|pair| pair[0] < pair[1]), "in order");
        // The window has what was skipped. If that is much, it has the newest messages, and the log the others.
        let skipped: Vec<_> = match &window.page {
            None => window.frames.iter().map(|frame| codec::decode(frame).unwrap().ord).collect(),
            Some(page) => {
                let mut skipped: Vec<_> = page.messages.iter().map(|message| message.ord).collect();
                while !received.contains(&(skipped[0] - 1)) {
                    let start = Some(page_request::Start::Before(skipped[0]));
                    let request = slow.command(Operation::Page(wire::PageRequest { start, count: 200 }));
                    slow.until(|c| c.answer(request).is_some());
                    let Some(Answer::Page(page)) = slow.answer(request) else { panic!() };
                    skipped.splice(0..0, page.messages.iter().map(|message| message.ord));
                }
                skipped
            }
        };
        assert!(!skipped.is_empty());
        let known: BTreeSet<_> = received.iter().chain(&skipped).copied().collect();
        let range = *known.first().unwrap()..=*known.last().unwrap();
        assert!(known.into_iter().eq(range), "{received:?} {skipped:?}");
        assert_eq!(server.stats.too_slow.load(Relaxed), 0, "no connection was closed");
    });
}

#[test]
fn burst_larger_than_the_queue_closes_no_reader() {
    let server = TestServer::with(|config| config.queue_bytes = 64 * 1024);
    let mut sender = Client::login(server.address, "sender");
    let mut readers = ["a", "b", "c"].map(|nick| Client::login(server.address, nick));
    let text = "x".repeat(16_000);
    for n in 0..20 {
        sender.send_message(&format!("{n} {text}"));
    }
    for reader in &mut readers {
        reader.until(|c| c.has_received(&format!("19 {text}")));
    }
    assert_eq!(server.stats.too_slow.load(Relaxed), 0);
}

#[test]
fn peer_that_accepts_nothing_is_closed() {
    let server = TestServer::with(|config| config.write_timeout = Span::seconds(2));
    undisturbed(&server, || {
        let blocked = Client::login(server.address, "blocked");
        let mut sender = Client::login(server.address, "sender");
        let before = server.sockets();
        let text = "x".repeat(15_000);
        eventually("the connection is closed", || {
            sender.send_message(&text);
            sender.frames.clear();
            server.sockets() == before - 1
        });
        drop(blocked);
    });
}

#[test]
fn peer_without_pongs_is_closed() {
    // Longer than a busy machine delays the Pongs of the others.
    const TIMEOUT: Span = Span::seconds(3);
    let server = TestServer::with(|config| {
        config.ping_interval = Span::millis(100);
        config.ping_timeout = TIMEOUT;
    });
    undisturbed(&server, || {
        let mut alive = Desktop::join(server.address, "alive").unwrap();
        // The timeout begins with the login, at the earliest.
        let begun = Instant::now();
        let mut silent = Client::login(server.address, "silent");
        silent.answers = false;
        let ponger = std::thread::spawn(move || {
            // Only answers Pings.
            while begun.elapsed() < 2 * TIMEOUT.duration() {
                if let Ok(Message::Ping(payload)) = alive.socket.next(Duration::from_millis(50)) {
                    alive.socket.send(10, &payload).unwrap();
                }
            }
            alive.talk("I am here").unwrap();
            alive.until(|d| d.shows("alive:I am here")).unwrap();
        });
        assert_eq!(silent.until_closed(), Some(4503));
        assert!(begun.elapsed() >= TIMEOUT.duration());
        ponger.join().unwrap();
    });
}

#[test]
fn slow_frame_is_closed_after_the_timeout() {
    let server = TestServer::with(|config| config.frame_timeout = Span::millis(300));
    undisturbed(&server, || {
        let mut slow = Client::login(server.address, "slow");
        let frame = slow.socket.frame(0x82, &[0; 1000]);
        let begun = Instant::now();
        let mut bytes = frame.iter();
        while slow.closed.is_none() {
            if let Some(byte) = bytes.next() {
                let _ = slow.socket.stream.write_all(&[*byte]);
            }
            let _ = slow.step(Duration::from_millis(20));
            assert!(begun.elapsed() < PATIENCE);
        }
        assert_eq!(slow.closed, Some(Message::Close(Some(4503))));
        // The same with complete fragments.
        let mut slow = Client::login(server.address, "slow2");
        let mut first = 0x02;
        let begun = Instant::now();
        while slow.closed.is_none() {
            assert!(begun.elapsed() < PATIENCE);
            let frame = slow.socket.frame(first, b"a");
            let _ = slow.socket.stream.write_all(&frame);
            first = 0;
            let _ = slow.step(Duration::from_millis(20));
        }
        assert_eq!(slow.closed, Some(Message::Close(Some(4503))));
    });
}

#[test]
fn complete_frames_may_arrive_slowly() {
    // Longer than a busy machine delays the second part of a frame.
    const TIMEOUT: Span = Span::seconds(3);
    let server = TestServer::with(|config| config.frame_timeout = TIMEOUT);
    let mut client = Client::login(server.address, "tom");
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < TIMEOUT.duration() + Duration::from_secs(1) {
        client.send_message(&format!("message {sent}"));
        sent += 1;
        // Each read of the server ends within the next frame.
        let rest = client.socket.frame(0x8A, b"pong");
        client.socket.stream.write_all(&rest[..3]).unwrap();
        let _ = client.step(Duration::from_millis(10));
        client.socket.stream.write_all(&rest[3..]).unwrap();
    }
    assert!(client.closed.is_none() && sent > 3);
}

#[test]
fn peer_lost_within_a_frame_departs_once() {
    let server = TestServer::start();
    let mut watcher = Client::login(server.address, "watcher");
    undisturbed(&server, || {
        for _ in 0..3 {
            let mut gone = Client::login(server.address, "gone");
            let frame = gone.socket.frame(0x82, &[0; 500]);
            gone.socket.stream.write_all(&frame[..100]).unwrap();
            drop(gone);
            eventually("the member has left", || server.members() == 3);
        }
        let mut desktop = Desktop::join(server.address, "desk").unwrap();
        desktop.socket.stream.write_all(&[0x81]).unwrap();
    });
    let departures = |c: &Client, nick: &str| c.presence(nick).iter().filter(|joined| !**joined).count();
    watcher.until(|c| departures(c, "desk") == 1);
    watcher.until(|c| c.presence("gone").last() == Some(&false));
    // No join is announced twice. A member that joins and leaves between two presence updates is only announced
    // as having left.
    let changes = watcher.presence("gone");
    assert!(changes.windows(2).all(|pair| !(pair[0] && pair[1])) && changes.len() <= 6, "{changes:?}");
}

#[test]
fn unauthenticated_connection_is_closed() {
    // The others log in within this time.
    let server = TestServer::with(|config| config.login_timeout = Span::seconds(3));
    undisturbed(&server, || {
        let mut unauthenticated = Client::connect(server.address);
        assert_eq!(unauthenticated.until_closed(), Some(4508));
    });
}

#[test]
fn ping_flood_is_answered_by_few_pongs() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut client = Client::login(server.address, "tom");
        for n in 0..20_000_u32 {
            client.socket.send(9, &n.to_be_bytes()).unwrap();
        }
        client.send_message("still here");
    });
}
