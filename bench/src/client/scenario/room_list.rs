//! An account with many rooms: the work of the page when its list is searched and scrolled, and when a room is opened.

use std::{path::Path, thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use parlour_core::model::{MessageId, Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Change, EventLog as _, Outcome, Proposal, RoomLimits,
    sqlite::{Options, SqliteLog, Synchronous},
};
use serde_json::json;

use crate::{
    client::{
        browser::Browser,
        peers::{NICK, Peer, Preloaded},
        setting::Setting,
    },
    measure::Figures,
    statistics::percentile,
    target::{self, Running},
};

/// The number of rooms of the accounts that are compared.
const FEW: u32 = 10;
const MANY: u32 = 1_000;
/// The number of times that each step is measured. The least costly time counts.
const ROUNDS: usize = 5;
/// Time for earlier work to finish.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// The time of all changes, in Unix ms.
const UNIX_MS: i64 = 1_760_000_000_000;
/// Proposals in one transaction.
const BATCH: usize = 5_000;

pub fn list(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let (few, many) = (measure(setting, peer, FEW)?, measure(setting, peer, MANY)?);
    let mut figures = Figures::new();
    for ((name, few), (_, many)) in few.steps.iter().zip(&many.steps) {
        figures.push((format!("list of {MANY} rooms, {name}: longest frame, CPU-ms"), *many));
        figures.push((format!("list of {MANY} rooms, {name}: longest frame / of {FEW}"), many / few));
    }
    figures.push((format!("list of {MANY} rooms, rows in the document"), many.rows));
    figures.push((format!("list of {MANY} rooms, scroll: frames p95, ms"), many.frames_p95));
    Ok(figures)
}

/// The measurements of an account.
#[derive(Debug)]
struct Measured {
    /// The CPU time of the main thread for the most costly step of each action, in ms.
    steps: Vec<(&'static str, f64)>,
    /// The greatest number of rows of the list in the document.
    rows: f64,
    /// Times between frames while the list is scrolled, in ms.
    frames_p95: f64,
}

fn measure(setting: &Setting, peer: &Peer, rooms: u32) -> Result<Measured> {
    let site = peer.start(setting, Preloaded(0))?;
    let data = site.data.clone().context("the server stores messages")?;
    let port = site.url.trim_end_matches('/').rsplit(':').next().context("the URL has a port")?.parse()?;
    let mut browser = peer.enter(setting, &site)?;
    // The account exists now. Its rooms are written while the server is not running.
    drop(site);
    add_rooms(&data, rooms)?;
    let mut command = target::parlour(&setting.paths, port)?;
    command.arg("--assets").arg(&setting.dist);
    let _server = Running::start(command, port)?;
    let listed = format!(
        "(document.querySelector('#retry-now:not([aria-disabled=true])')?.click(),
          [...document.querySelectorAll('#room-list ul')]
            .reduce((sum, list) => sum + Number(/\\d+/.exec(list.style.height)), 0) === {})",
        rooms + 1
    );
    browser.until::<bool>("all rooms are in the list", &listed)?;
    sleep(SETTLE_TIME);

    let typed = |field: &str| {
        let step = |text: &&str| {
            format!(
                "{{ const field = document.querySelector({}); field.value = {};
                    field.dispatchEvent(new Event('input', {{ bubbles: true }})); }}",
                json!(field),
                json!(text)
            )
        };
        ["r", "ro", "room", "room 0", "room 00", ""].iter().map(step).collect::<Vec<_>>()
    };
    let toggle = "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, cancelable: true }))";
    let switcher = [vec![toggle.to_owned()], typed("#switcher-field"), vec![toggle.to_owned()]].concat();
    let opened = |n: u32| format!("document.querySelectorAll('#room-list a')[{n}].click()");
    let scrolled = "document.querySelector('#room-list').scrollTop += 400".to_owned();
    let mut measured = Measured { steps: Vec::new(), rows: 0.0, frames_p95: 0.0 };
    for (name, steps) in [
        ("search", typed("#room-search")),
        ("switcher", switcher),
        ("open", vec![opened(1), opened(2), opened(3)]),
        ("scroll", vec![scrolled; 20]),
    ] {
        measured.steps.push((name, longest(&mut browser, &steps)?));
        let rows: f64 = browser.eval("document.querySelectorAll('#room-list li').length")?;
        measured.rows = measured.rows.max(rows);
    }
    let mut gaps: Vec<f64> = browser.eval(
        "new Promise((done) => {
            const list = document.querySelector('#room-list'), gaps = [];
            let last;
            const frame = (at) => {
                if (last) gaps.push(at - last);
                last = at;
                list.scrollTop = (list.scrollTop + 60) % (list.scrollHeight - list.clientHeight);
                if (gaps.length < 300) requestAnimationFrame(frame); else done(gaps);
            };
            requestAnimationFrame(frame);
        })",
    )?;
    gaps.sort_by(f64::total_cmp);
    measured.frames_p95 = percentile(&gaps, 95);
    Ok(measured)
}

/// The cost of the most costly of some steps, each with the frame that shows its effect.
fn longest(browser: &mut Browser, steps: &[String]) -> Result<f64> {
    let mut least = vec![f64::INFINITY; steps.len()];
    for _ in 0..ROUNDS {
        for (step, least) in steps.iter().zip(&mut least) {
            let before = browser.main_thread()?;
            browser.eval::<bool>(&format!(
                "new Promise((done) => {{ {step};
                    requestAnimationFrame(() => requestAnimationFrame(() => done(true))); }})"
            ))?;
            *least = least.min((browser.main_thread()? - before) * 1e3);
        }
    }
    Ok(least.into_iter().fold(0.0, f64::max))
}

/// Adds public rooms with a few unread messages to the account of the page.
fn add_rooms(data: &Path, count: u32) -> Result<()> {
    let limits = RoomLimits { rooms_per_account: u32::MAX, rooms_created: u32::MAX, ..RoomLimits::default() };
    let options = Options { synchronous: Synchronous::Off, rooms: limits, ..Options::default() };
    let mut log = SqliteLog::open_with(data, &options)?;
    let accounts = log.reader()?.nicks()?;
    let account = accounts.into_iter().find(|account| account.nick == NICK).context("no account")?.user;
    let owner = UserId([0xEE; 16]);
    let mut changes = vec![(owner, Change::CreateAccount { nick: "Room owner".into(), from: None })];
    for n in 1..=count {
        let mut id = [0xAA; 16];
        id[12..].copy_from_slice(&n.to_be_bytes());
        let (room, kind, name) = (RoomId(id), RoomKind::Public, format!("Room {n:04}").into());
        changes.push((owner, Change::CreateRoom { room, kind, name, topic: "".into(), people: [].into() }));
        changes.push((account, Change::ChangeMember { room, account, role: Role::Member }));
        if n % 25 == 1 {
            changes.push((owner, Change::Message { room, content: "something new".into() }));
        }
    }
    let proposals: Vec<_> = (1_u64..)
        .zip(changes)
        .map(|(n, (sender, change))| {
            let mut id = [0xBB; 16];
            id[8..].copy_from_slice(&n.to_be_bytes());
            Proposal { id: MessageId(id), sender, time: UNIX_MS, change }
        })
        .collect();
    for batch in proposals.chunks(BATCH) {
        let outcomes = log.append(batch, &[])?;
        let refused = outcomes.iter().find(|outcome| matches!(outcome, Outcome::Refused(_)));
        ensure!(refused.is_none(), "{refused:?}");
    }
    Ok(())
}
