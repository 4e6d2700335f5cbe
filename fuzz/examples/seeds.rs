//! Writes the seeds into the archives in `corpus/`, replacing their earlier seeds:
//! `cargo run -p parlour-fuzz --example seeds`.
//!
//! They are frames of every kind, typical settings, and, for the targets that play steps, short scenarios encoded as the
//! bytes that the steps read.
#![allow(clippy::unwrap_used)] // A developer tool: a panic is an acceptable error report.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire,
};
use parlour_fuzz::corpus;

fn main() {
    for (target, seeds) in [
        ("frame", [frames(), lists()].concat()),
        ("session", sessions()),
        ("hub", hubs()),
        ("config", configs()),
        ("stored", stored_seeds()),
    ] {
        println!("{target}: {} seeds", seeds.len());
        let archive = corpus::path(target);
        let mut inputs = corpus::read(&archive).unwrap_or_default();
        inputs.retain(|(name, _)| !name.starts_with("seed-"));
        let named = seeds.into_iter().enumerate().map(|(n, seed)| (format!("seed-{n:02}"), seed));
        inputs.extend(named);
        corpus::write(&archive, inputs).unwrap();
    }
}

/// Storage as a session persists it: a room with gaps and unsent messages; and messages between tabs.
fn stored_seeds() -> Vec<Vec<u8>> {
    use parlour_core::{
        persist::{Change, Persisted, Table},
        session::{Clocks, Command, Session},
        tabs::{self, Leader, TabCommand},
    };
    let now = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };
    let mut session = Session::new(1, "seed");
    let mut leader = Leader::new(7, true);
    session.handle_login(now, "tom", Persisted::default()).unwrap();
    session.handle_opened(now);
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["history".into()],
        nick: "tom".into(),
        secret: vec![9; 32],
        log: vec![1; 16],
        positions: vec![wire::RoomPosition { room: String::new(), seq: 0, ..wire::RoomPosition::default() }],
        ..wire::Welcome::default()
    };
    session.handle_message(now, &codec::encode(&codec::extension("", Extension::Welcome(welcome))));
    for seq in 1..=3 {
        let talk = codec::message("lili", "", Some(MessageId([seq; 16])), "hi");
        session.handle_message(now, &codec::encode(&Envelope { seq: seq.into(), time: 5, ..talk }));
    }
    for id in [8, 9] {
        session.handle_send(now, MessageId([id; 16]), "unsent").unwrap();
    }
    session.handle_hidden();
    let mut tab_messages =
        vec![tabs::command(TabCommand::RequestSnapshot).to_vec(), tabs::load_gap_command(1, 3).to_vec()];
    while let Some(event) = session.poll_event() {
        tab_messages.extend(leader.publish(1_000, &event, &session).map(|tab_message| tab_message.to_vec()));
    }
    tab_messages.push(leader.snapshot(1_000, &session).to_vec());
    let (mut account, mut send_queue, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(command) = session.poll_command() {
        let Command::Persist { changes, .. } = command else { continue };
        for change in changes {
            match change {
                Change::Put(Table::Account, _, value) => account = value.to_vec(),
                Change::Put(Table::SendQueue, _, value) => send_queue.push(value.to_vec()),
                Change::Put(Table::Messages, _, value) => messages.push(value.to_vec()),
                _ => {}
            }
        }
    }
    let field = |bytes: &[u8]| {
        [&[u8::try_from(bytes.len().min(255)).unwrap()], &bytes[..bytes.len().min(255)]].concat()
    };
    let list = |list: &[Vec<u8>]| {
        let fields: Vec<_> = list.iter().take(7).flat_map(|bytes| field(bytes)).collect();
        [vec![u8::try_from(list.len().min(7)).unwrap()], fields].concat()
    };
    let whole = |account: &[u8], send_queue: &[Vec<u8>], messages: &[Vec<u8>], tab_messages: &[Vec<u8>]| {
        [field(account), list(send_queue), list(messages), list(tab_messages)].concat()
    };
    let mut seeds = vec![
        whole(&account, &send_queue, &messages, &[]),
        whole(&account, &send_queue, &messages[1..], &[]),
        whole(&account, &[], &[], &tab_messages[..2]),
        whole(&[], &send_queue, &messages, &[]),
        whole(&account[..account.len() / 2], &send_queue, &messages, &[]),
    ];
    seeds.extend(
        tab_messages.chunks(3).map(|tab_messages| whole(&account, &send_queue, &messages, tab_messages)),
    );
    seeds
}

/// Frames of both dialects, batches, joined messages, and truncated ones.
fn frames() -> Vec<Vec<u8>> {
    let id = Some(MessageId([7; 16]));
    let member = wire::Member { nick: "lili".into(), state: 1 };
    let list = codec::user_list(["tom", "lili"]);
    let talk = codec::message("tom", "", id, "hi");
    let stored = Envelope { seq: 300, time: 1_700_000_000_000, ..talk.clone() };
    let position = wire::RoomPosition { room: "r".into(), seq: 5, ..wire::RoomPosition::default() };
    let login = wire::Login {
        version: 1,
        capabilities: vec!["batch".into(), "history".into()],
        secret: vec![9; 32],
        positions: vec![position.clone()],
        ..wire::Login::default()
    };
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["batch".into()],
        nick: "tom".into(),
        secret: vec![9; 32],
        limits: Some(wire::Limits { content_bytes: 16384, burst: 20, ..wire::Limits::default() }),
        positions: vec![position],
        ..wire::Welcome::default()
    };
    let page = wire::HistoryPage {
        frames: vec![codec::encode(&stored)],
        to: 300,
        reached_start: true,
        ..wire::HistoryPage::default()
    };
    let before = Some(wire::history_request::Start::Before(300));
    let request = wire::HistoryRequest { start: before, count: 100, request: 1 };
    let accepted = vec![wire::Accepted { id: vec![7; 16], seq: 300, time: 5 }];
    let attachment =
        wire::Attachment { hash: vec![1; 32], name: "a.png".into(), ..wire::Attachment::default() };
    let reaction = wire::Reaction { emoji: "+".into(), count: 2, nicks: vec!["lili".into()] };
    let extensions = [
        Extension::Welcome(welcome),
        Extension::Ack(wire::Ack { accepted }),
        Extension::Roster(wire::Roster { members: vec![member.clone()], total: 9, first: true, more: true }),
        Extension::Presence(wire::Presence { changes: vec![member], time: -1 }),
        Extension::Ping(wire::Ping { nonce: u64::MAX }),
        Extension::GoingAway(wire::GoingAway { retry_after_ms: 1000 }),
        Extension::HistoryRequest(request),
        Extension::HistoryPage(page),
        Extension::SearchRequest(wire::SearchRequest {
            query: "hi".into(),
            ..wire::SearchRequest::default()
        }),
        Extension::Edit(wire::Edit { target: vec![7; 16], content: "ho".into() }),
        Extension::React(wire::React { target: vec![7; 16], emoji: "+".into(), remove: true }),
    ];
    let mut frames = vec![
        Envelope { user_list: list, ..codec::message("tom", "", None, "hi") },
        codec::exit("tom"),
        codec::user_list_request("tom"),
        codec::login("tom", login),
        codec::refusal(Status::NickTaken, id, 5, Some("tom2".into())),
        Envelope { attachments: vec![attachment], reactions: vec![reaction], edited: 1, ..stored },
        talk,
    ];
    frames.extend(extensions.map(|extension| codec::extension("", extension)));
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| codec::encode(frame).into()).collect();
    let joined = all[..3].join(&b'\n');
    let batch = codec::batch(all.iter().map(|bytes| bytes.clone().into()).collect());
    all.push(batch[..batch.len() - 3].into());
    all.extend([joined, batch.into()]);
    all
}

/// Envelopes with long lists of empty elements, which are many times as large after decoding, and damaged ones.
fn lists() -> Vec<Vec<u8>> {
    let talk = codec::message("tom", "", Some(MessageId([7; 16])), "hi");
    let attachments = vec![wire::Attachment::default(); 200];
    let reaction = wire::Reaction { nicks: vec![String::new(); 100], ..wire::Reaction::default() };
    let login = wire::Login {
        version: 1,
        capabilities: vec![String::new(); 100],
        positions: vec![wire::RoomPosition::default(); 100],
        ..wire::Login::default()
    };
    let ack = wire::Ack { accepted: vec![wire::Accepted::default(); 200] };
    let members = vec![wire::Member::default(); 200];
    let batch = wire::Batch { frames: vec![codec::encode(&talk); 8] };
    let nested =
        wire::Batch { frames: vec![codec::encode(&codec::extension("", Extension::Batch(batch.clone())))] };
    let frames = [
        Envelope { attachments, ..talk.clone() },
        Envelope { reactions: vec![reaction; 3], ..talk },
        codec::login("tom", login),
        codec::extension("", Extension::Ack(ack)),
        codec::extension("", Extension::Roster(wire::Roster { members, ..wire::Roster::default() })),
        codec::extension("", Extension::Batch(wire::Batch { frames: vec![Default::default(); 200] })),
        codec::extension("", Extension::Batch(nested)),
        codec::extension("", Extension::Batch(batch)),
    ];
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| codec::encode(frame).into()).collect();
    // Groups in groups, an unknown field a hundred times, a text that is not UTF-8, and a list that is cut off.
    all.extend([
        [0xA3, 0x06].repeat(120),
        [0xA2, 0x06, 0].repeat(100),
        vec![0x1A, 1, 0xFF],
        all[0][..99].into(),
    ]);
    all
}

fn configs() -> Vec<Vec<u8>> {
    let table: String = parlour_server::config::settings()
        .iter()
        .map(|setting| format!("{} = \"{}\"\n", setting.key, setting.default))
        .collect();
    let flags: String = parlour_server::config::settings()
        .iter()
        .map(|setting| format!("--{}={}\n", setting.key.replace('_', "-"), setting.default))
        .collect();
    [
        &*table,
        &*flags,
        "listen = [\"127.0.0.1:1\", \"[::1]:1\"]\nburst = 7\nping_interval = \"5s\"\ntrust_proxy = true\n",
        "allow_origin = [\"*\"]\nassets = \"dist\"\nlog_format = \"json\"\n",
        "ping_timeout = \"45 min\"\nping_interval = \"500ms\"\nsession_grace = \"24h\"\n",
        "content_bytes = 9223372036854775807\nframe_bytes = 1_000\n",
        "max_connections = -1\n",
        "queue_frames = 0x40\nqueue_bytes = 0o777777777\n",
        "connect_src = [\"ws:\", \"https://a.example\"]\nframe_ancestors = [\"'none'\"]\n",
        "brust = 7\n",
        "listen = []\n",
        "nick_chars = 0\n",
        "content_bytes = 16384\nframe_bytes = 16384\nqueue_bytes = 1\n",
        "[listen]\na.b = 1979-05-27T07:32:00Z\n",
        "--listen\n127.0.0.1:1,127.0.0.1:2\n--trust-proxy\n",
        "--burst=-1\n",
        "--help\n",
        "--version\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Joins steps.
fn scenario(steps: &[&[u8]]) -> Vec<u8> {
    steps.concat()
}

fn sessions() -> Vec<Vec<u8>> {
    // The first byte seeds the session.
    let (log_in, opened, closed): (&[u8], &[u8], &[u8]) = (&[0, 0], &[1], &[2, 3]);
    // Flags, heartbeat, position.
    let (plain, full): (&[u8], &[u8]) = (&[4, 0, 1, 0x4F, 0xFF, 0], &[4, 0, 3, 0x4F, 0xFF, 9]);
    // A frame of a basic server: two names in the list, sender, type, content.
    let basic: &[u8] = &[4, 15, 2, 0, 1, 0, 4, 1];
    let echo: &[u8] = &[4, 15, 0, 0, 0, 0];
    let (talk, ack): (&[u8], &[u8]) = (&[13, 0], &[4, 2, 0, 0, 7, 0]);
    let (minute, four, reload): (&[u8], &[u8], &[u8]) = (&[19, 0x83, 0xE8], &[19, 0x4F, 0xFF], &[20]);
    let other: &[u8] = &[4, 4, 3, 0, 0, 12, 5, 1];
    vec![
        scenario(&[log_in, opened, plain, talk, ack, minute]),
        scenario(&[log_in, opened, full, talk, closed, minute, opened, full, ack]),
        scenario(&[log_in, opened, full, other, &[22, 1, 9], &[4, 12, 1, 0, 9, 2, 3, 0, 0, 8, 0, 1]]),
        // A requested history page that does not arrive, on a live connection.
        scenario(&[log_in, opened, full, &[4, 11, 1], &[22, 1, 9], four, other, four, other, four, other]),
        scenario(&[log_in, opened, plain, talk, talk, reload, opened, plain, minute]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, reload, opened, plain]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, &[21, 3], &[18, 7], log_in]),
        scenario(&[log_in, opened, basic, talk, echo, &[18, 0]]),
        scenario(&[log_in, opened, basic, talk, closed, minute, opened, basic, &[16, 0], echo]),
        scenario(&[log_in, opened, plain, talk, &[4, 6, 20, 2, 0], &[16, 0], &[17, 0]]),
        scenario(&[log_in, opened, plain, talk, talk, &[4, 6, 40, 2, 1, 0x4F, 0xFF], minute, ack]),
        scenario(&[log_in, opened, &[4, 6, 12, 0, 0], log_in, opened, plain]),
        scenario(&[log_in, opened, plain, &[4, 8, 3, 0, 1, 1, 1, 2, 2, 9, 1, 0], &[4, 9, 2, 1, 0, 2, 1, 5]]),
        scenario(&[log_in, opened, plain, &[4, 11, 1], minute, &[4, 10, 5], &[4, 13, 1, 0, 9], closed]),
        scenario(&[log_in, opened, plain, talk, &[18, 7], log_in, opened, plain]),
        scenario(&[log_in, opened, plain, &[18, 5], minute, &[18, 4], &[18, 3], &[18, 1], &[18, 2]]),
        scenario(&[
            log_in,
            opened,
            plain,
            &[9, 3, 2, 0, 0, 7, 0, 4, 3, 0, 0, 12, 5, 1],
            &[10, 2, 1, 0, 0, 0, 1],
        ]),
        scenario(&[log_in, opened, basic, &[10, 3, 1, 1, 1, 0, 0, 0, 2, 0, 4, 1, 1, 3, 3]]),
        scenario(&[
            log_in,
            opened,
            plain,
            talk,
            &[23, 2, 0],
            &[23, 1, 9, 9],
            &[23, 0],
            &[12, 3, 10, 1, 0x41],
        ]),
    ]
}

fn hubs() -> Vec<Vec<u8>> {
    // The first byte selects the settings.
    let connect = |slot: u8| vec![0, slot];
    // Slot, nick, flags: version 1, batches, secret (24: the one issued in the slot that follows).
    let log_in = |slot: u8, nick: u8| vec![3, slot, nick, 5];
    let resume = |slot: u8, nick: u8, of: u8| vec![3, slot, nick, 29, of];
    // A message with id `id`, under the connection's nick.
    let talk = |slot: u8, id: u8| vec![5, slot, 0, id, 0, 0];
    let basic_login = |slot: u8, nick: u8| vec![5, slot, 0, 0, 1, nick, 1];
    let (disconnect, settle, minute) = (|slot: u8| vec![2, slot], vec![14], vec![12, 0x83, 0xE8]);
    let pause_log = vec![16, 1];
    let scenarios = vec![
        vec![vec![0], connect(0), log_in(0, 0), settle.clone(), talk(0, 1), talk(0, 1), settle.clone()],
        vec![
            vec![0],
            connect(0),
            connect(1),
            log_in(0, 0),
            log_in(1, 2),
            talk(0, 1),
            talk(1, 2),
            minute.clone(),
        ],
        vec![
            vec![0],
            connect(0),
            basic_login(0, 2),
            connect(1),
            basic_login(1, 2),
            settle.clone(),
            minute.clone(),
        ],
        vec![vec![0], connect(0), basic_login(0, 9), talk(0, 0), vec![5, 0, 6, 0], vec![5, 0, 5, 0]],
        vec![vec![0], connect(0), log_in(0, 0), settle.clone(), connect(1), resume(1, 0, 0), talk(1, 3)],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            settle.clone(),
            disconnect(0),
            minute.clone(),
            connect(0),
            resume(0, 0, 0),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 1),
            connect(2),
            log_in(2, 4),
            settle.clone(),
        ],
        vec![
            vec![4],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 2),
            connect(2),
            log_in(2, 3),
            connect(3),
            log_in(3, 9),
        ],
        vec![
            vec![1],
            connect(0),
            log_in(0, 0),
            [1, 2, 3, 4, 5, 6, 7].map(|n| talk(0, n)).concat(),
            minute.clone(),
        ],
        vec![
            vec![8],
            connect(0),
            log_in(0, 0),
            disconnect(0),
            connect(1),
            log_in(1, 2),
            disconnect(1),
            connect(2),
            resume(2, 0, 0),
        ],
        vec![vec![0], connect(0), log_in(0, 0), vec![9, 0, 3, 0, 1, 0, 0, 0, 2, 0, 0, 7, 5], settle.clone()],
        vec![vec![0], connect(0), log_in(0, 0), vec![5, 0, 8], vec![5, 0, 10, 1, 9, 5, 1], vec![5, 0, 11, 1]],
        vec![vec![0], connect(0), vec![11, 0, 3, 0x0A, 1, 0x41], settle.clone(), disconnect(0)],
        vec![
            vec![0],
            connect(0),
            minute.clone(),
            connect(1),
            log_in(1, 0),
            vec![13, 9, 9],
            talk(1, 1),
            vec![13, 0, 0],
        ],
        vec![vec![0], connect(0), log_in(0, 0), connect(1), vec![19, 0xFF], connect(2), settle.clone()],
        // Messages one after the other to a member that receives them all.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            settle.clone(),
            [1, 2, 3].map(|n| [talk(0, n), vec![14]].concat()).concat(),
        ],
        // The log stops answering, answers one request, fails, and works again.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            pause_log.clone(),
            talk(0, 1),
            settle.clone(),
            talk(0, 2),
            vec![16, 2],
            disconnect(0),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            vec![16, 3],
            talk(0, 1),
            settle.clone(),
            vec![16, 4],
            minute.clone(),
        ],
        vec![vec![0], connect(0), log_in(0, 0), pause_log, talk(0, 1), settle.clone(), vec![19, 0xFF]],
        // The server is killed and restarted.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            vec![19, 1],
            connect(0),
            resume(0, 0, 0),
            talk(0, 1),
        ],
        // Slow consumers: one that can load what it missed, and one that cannot.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 2),
            vec![17, 1],
            talk(0, 1),
            settle.clone(),
            vec![18, 1],
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            basic_login(1, 2),
            vec![17, 1],
            talk(0, 1),
            settle.clone(),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            vec![5, 0, 10, 1, 9, 5, 1],
            vec![5, 0, 11, 1, 0, 5, 2],
        ],
        vec![vec![0], connect(0), log_in(0, 0), talk(0, 1), connect(1), vec![3, 1, 2, 0x25, 0, 0x40], settle],
        // More messages at once than one broadcast carries.
        vec![vec![0], connect(0), [5, 0, 0, 0, 1, 0, 0, 14].repeat(40)],
    ];
    scenarios.into_iter().map(|scenario| scenario.concat()).collect()
}
