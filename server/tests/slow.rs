//! Slow, silent and vanished peers do not affect others.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::{
    io::Write as _,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use common::{Client, Desktop, Message, PATIENCE, TestServer, eventually, undisturbed};
use parlour_core::{codec::Extension, wire};
use parlour_server::{config::Span, conn::write_queue::HARD_LIMIT_FACTOR};

#[test]
fn peer_that_never_reads_is_closed() {
    let server = TestServer::with(|config| {
        config.queue_bytes = 128 * 1024;
        config.burst = 1_000_000;
    });
    undisturbed(&server, || {
        let mut deaf = Client::login(server.address, "deaf");
        let mut talker = Client::login(server.address, "talker");
        let mut listener = Client::login(server.address, "listener");
        let text = "x".repeat(15_000);
        let mut said = 0;
        while server.stats.too_slow.load(Relaxed) == 0 {
            let line = format!("{said} {text}");
            talker.send_message(&line);
            listener.until(|c| c.has_received(&line));
            talker.frames.clear();
            said += 1;
            assert!(said < 5_000, "the system's buffers can't be that large");
        }
        listener.until(|c| c.presence("deaf").contains(&false));
        // Frames already sent arrive, then the reason; the queue was discarded.
        assert_eq!(deaf.until_closed(), Some(4501));
        let heard = deaf.frames.iter().filter(|f| f.content.ends_with(&text)).count();
        assert!(
            heard < said && said - heard <= HARD_LIMIT_FACTOR * 128 * 1024 / 15_000 + 2,
            "{heard} of {said}"
        );
    });
}

#[test]
fn slow_consumer_resumes_and_loads_what_it_missed() {
    let server = TestServer::with(|config| config.queue_bytes = 128 * 1024);
    undisturbed(&server, || {
        let mut slow = Client::reader(server.address, "slow");
        let mut talker = Client::login(server.address, "talker");
        let text = "x".repeat(15_000);
        let mut said = Vec::new();
        while server.stats.skipped.load(Relaxed) == 0 {
            let line = format!("{} {text}", said.len());
            talker.send_message(&line);
            talker.frames.clear();
            said.push(line);
            assert!(said.len() < 5_000, "the system's buffers can't be that large");
        }
        // It reads again: the queued frames, then the resumption at the current position.
        let resume = |c: &Client| {
            c.frames.iter().find_map(|f| match f.extension {
                Some(Extension::Resume(resume)) => Some(resume.from),
                _ => None,
            })
        };
        slow.until(|c| resume(c).is_some());
        let from = resume(&slow).unwrap();
        let heard: Vec<_> = slow.frames.iter().filter(|f| f.seq > 0).map(|f| f.seq).collect();
        assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "without a hole, as far as it goes");
        slow.until(|c| !c.roster().is_empty());
        talker.send_message("after it");
        slow.until(|c| c.has_received("after it"));
        // The log contains everything in between.
        let mut after = *heard.last().unwrap();
        let mut loaded = 0;
        while after < from {
            slow.frames.clear();
            slow.extension(Extension::HistoryRequest(wire::HistoryRequest {
                start: Some(wire::history_request::Start::After(after)),
                count: 200,
                request: 1,
            }));
            slow.until(|c| !c.pages().is_empty() || !c.refusals().is_empty());
            if let [page, ..] = &slow.pages()[..] {
                assert_eq!(page.from, after);
                loaded += page.frames.len();
                after = page.to;
            }
        }
        assert!(loaded > 0);
        assert_eq!(server.stats.too_slow.load(Relaxed), 0, "nobody was closed");
    });
}

#[test]
fn burst_larger_than_the_queue_closes_no_reader() {
    let server = TestServer::with(|config| config.queue_bytes = 64 * 1024);
    let mut talker = Client::login(server.address, "talker");
    let mut readers = ["a", "b", "c"].map(|nick| Client::login(server.address, nick));
    let text = "x".repeat(16_000);
    for n in 0..20 {
        talker.send_message(&format!("{n} {text}"));
    }
    for reader in &mut readers {
        reader.until(|c| c.has_received(&format!("19 {text}")));
    }
    assert_eq!(server.stats.too_slow.load(Relaxed), 0);
}

#[test]
fn peer_that_accepts_nothing_is_closed() {
    let server = TestServer::with(|config| config.write_timeout = Span::millis(200));
    undisturbed(&server, || {
        let deaf = Client::login(server.address, "deaf");
        let mut talker = Client::login(server.address, "talker");
        let before = server.sockets();
        let text = "x".repeat(15_000);
        eventually("the deaf peer's place is free", || {
            talker.send_message(&text);
            talker.frames.clear();
            server.sockets() == before - 1
        });
        drop(deaf);
    });
}

#[test]
fn peer_without_pongs_is_closed() {
    let server = TestServer::with(|config| {
        config.ping_interval = Span::millis(100);
        config.ping_timeout = Span::millis(700);
    });
    undisturbed(&server, || {
        let mut silent = Client::login(server.address, "silent");
        silent.answers = false;
        let mut alive = Desktop::join(server.address, "alive").unwrap();
        let begun = Instant::now();
        let pinger = std::thread::spawn(move || {
            // Only answers Pings.
            while begun.elapsed() < Duration::from_millis(1500) {
                if let Ok(Message::Ping(payload)) = alive.socket.next(Duration::from_millis(50)) {
                    alive.socket.send(10, &payload).unwrap();
                }
            }
            alive.talk("I am here").unwrap();
            alive.until(|d| d.shows("alive:I am here")).unwrap();
        });
        assert_eq!(silent.until_closed(), Some(4503));
        assert!(begun.elapsed() >= Duration::from_millis(600));
        pinger.join().unwrap();
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
        while slow.closed.is_none() {
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
    let server = TestServer::with(|config| config.frame_timeout = Span::millis(300));
    let mut client = Client::login(server.address, "tom");
    let begun = Instant::now();
    let mut said = 0;
    while begun.elapsed() < Duration::from_millis(900) {
        client.send_message(&format!("message {said}"));
        said += 1;
        // Each read of the server ends within the next frame.
        let rest = client.socket.frame(0x8A, b"pong");
        client.socket.stream.write_all(&rest[..3]).unwrap();
        let _ = client.step(Duration::from_millis(10));
        client.socket.stream.write_all(&rest[3..]).unwrap();
    }
    assert!(client.closed.is_none() && said > 3);
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
            eventually("the name is free", || server.members() == 3);
        }
        let mut gone = Desktop::join(server.address, "desk").unwrap();
        gone.socket.stream.write_all(&[0x81]).unwrap();
    });
    let departures = |c: &Client, nick: &str| c.presence(nick).iter().filter(|there| !**there).count();
    watcher.until(|c| departures(c, "desk") == 1);
    watcher.until(|c| c.presence("gone").last() == Some(&false));
    // No member is announced twice; one that came and went between two presence updates is only announced as
    // gone.
    let told = watcher.presence("gone");
    assert!(told.windows(2).all(|pair| !(pair[0] && pair[1])) && told.len() <= 6, "{told:?}");
}

#[test]
fn unauthenticated_connection_is_closed() {
    let server = TestServer::with(|config| config.login_timeout = Span::millis(200));
    undisturbed(&server, || {
        let mut stranger = Client::connect(server.address);
        assert_eq!(stranger.until_closed(), Some(4508));
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
