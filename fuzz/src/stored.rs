//! Target `stored`: possibly corrupt device storage, and messages from another tab of the same user.

mod rooms;

use parlour_core::{
    codec::{self, Extension},
    event::Event,
    ids::RoomId,
    model::{MessageId, SeekTarget},
    persist::{Change, Key, Persisted, draft},
    session::{Clocks, Command, Session},
    tabs::{self, Follower, Leader, Unread},
    timeline::Timeline,
    wire,
};

use self::rooms::Tables;
use crate::input::Input;

const NOW: Clocks = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };

/// Reads the bytes as the tables of a device, as messages from other tabs and as drafts, then continues from there as a
/// follower that takes over, as a leader that steps down, as a tab that begins with drafts, and as a client with many rooms.
///
/// # Panics
/// If a persisted or mirrored login cannot be resumed, if a message that a follower has sent is lost when it takes over,
/// if a gap is empty or unknown, if a tab message is larger than its input allows, if something is unread in a tab with
/// the focus, if a draft is lost, or if a client with many rooms loses what one with one room has stored.
pub fn stored(data: &[u8]) {
    let mut input = Input::new(data);
    let account = input.long_bytes().to_vec();
    let mut list = || (0..input.byte() % 8).map(|_| input.long_bytes().to_vec()).collect::<Vec<_>>();
    let (send_queue, messages, mut tab_messages, drafts, rooms) = (list(), list(), list(), list(), list());
    rooms::read(&Tables { account: &account, send_queue: &send_queue, messages: &messages, rooms: &rooms });
    let persisted = Persisted::read(Some(&account), &send_queue, &messages);
    let posted = follow(persisted.clone(), &tab_messages);
    tab_messages.extend(posted);
    // A tab that has persisted a message may announce it before or after the leader reads the device.
    tab_messages.extend(send_queue);
    lead(persisted, &tab_messages, 64 * 1024 + 4 * data.len());
    take_over_drafts(&drafts);
}

/// Follows the leader that sends these messages, then takes over. Returns the messages of this tab.
fn follow(persisted: Persisted, tab_messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut follower = Follower::new(NOW.monotonic, 5 << 32);
    let mut timeline = timeline();
    for tab_message in tab_messages {
        let _ = follower.handle_message(NOW.monotonic, tab_message);
    }
    follower.handle_persisted(persisted);
    follower.handle_visibility(NOW.monotonic, true);
    let (mut gaps, mut unread) = (Vec::new(), Unread::default());
    while let Some(event) = follower.poll_event() {
        if let Event::Gaps(reported) = &event {
            gaps.clone_from(reported);
        }
        unread.handle_event(&event);
        show(&mut timeline, event);
    }
    for tab_message in tab_messages {
        let _ = unread.handle_message(tab_message);
    }
    unread.handle_focus(true);
    assert_eq!(unread.count(), 0, "the user sees the tab");
    if let Some(newest) = gaps.last() {
        follower.handle_load_gap(newest.gap.to);
    }
    follower.handle_seek(SeekTarget::Time(5));
    follower.handle_search("hi", 0);
    follower.handle_command(NOW, 11, tabs::Command::Retry(MessageId([8; 16])));
    follower.handle_command(NOW, 12, tabs::Command::Rename("tom2".into()));
    let id = MessageId([1; 16]);
    let sent = follower.handle_send(NOW, id, "hello");
    let mut posted: Vec<Vec<u8>> = sent.iter().map(|sent| sent.command.to_vec()).collect();
    posted.extend(std::iter::from_fn(|| follower.poll_message()).map(Vec::from));
    follower.handle_stored(id);
    let _ = follower.handle_timeout(NOW.monotonic + tabs::COMMAND_TIMEOUT_MS);

    let mut mirrored = follower.mirrored().unwrap_or_default();
    follower.handle_promotion(&mut mirrored);
    follower.handle_leader_gone();
    let (unsent, (sends, commands)) = (follower.take_queued(), follower.take_unanswered());
    let mut session = log_in(mirrored);
    session.handle_adopt_queued(unsent);
    sends.iter().for_each(|value| session.handle_adopt(NOW, value));
    session.handle_opened(NOW);
    let welcome = wire::Welcome { version: 1, ..wire::Welcome::default() };
    session.handle_message(NOW, &codec::encode(&codec::extension(Extension::Welcome(welcome))));
    let is_shown = std::iter::from_fn(|| session.poll_event())
        .any(|event| matches!(event, Event::Message(message) if message.id == id));
    assert!(is_shown || sent.is_err(), "a message was lost when its tab took over");
    commands.into_iter().for_each(|command| command.execute(NOW, &mut session));
    posted
}

/// Leads with the data of the device, and steps down. `max_bytes` is the maximum size of a message to the other tabs.
fn lead(persisted: Persisted, tab_messages: &[Vec<u8>], max_bytes: usize) {
    let is_logged_in = persisted.is_logged_in();
    let mut session = log_in(persisted);
    let mut leader = Leader::new(1, true);
    for tab_message in tab_messages {
        let _ = leader.is_superseded_by(tab_message);
        let _ = leader.handle_message(NOW, tab_message, &mut session);
        let renewal = leader.poll_renewal(NOW.monotonic, &session);
        assert!(renewal.is_none_or(|renewal| renewal.len() <= max_bytes), "a long answer");
        session.handle_adopt(NOW, tab_message);
    }
    let mut timeline = timeline();
    let mut rooms_opened = 0;
    while let Some(event) = session.poll_event() {
        let tab_message = leader.publish(NOW.monotonic, &event, &session);
        assert!(tab_message.is_none_or(|message| message.len() <= max_bytes), "a long message for {event:?}");
        rooms_opened += usize::from(matches!(event, Event::LoggedIn(_)));
        show(&mut timeline, event);
    }
    assert_eq!(
        rooms_opened > 0,
        is_logged_in,
        "a persisted login opens the room at once, and only a persisted login"
    );
    assert!(leader.snapshot(NOW.monotonic, &session).len() <= max_bytes, "a long snapshot");
    let former = Follower::after_leading(NOW.monotonic, 1, &leader, &session);
    log_in(former.mirrored().unwrap_or_default());
    while let Some(command) = session.poll_command() {
        if let Command::Persist { ticket, .. } = command {
            session.handle_persisted(NOW, ticket);
        }
    }
}

fn timeline() -> Timeline {
    Timeline::new(100, |time| time.div_euclid(86_400_000))
}

/// Logs in with the data of a device, or with the mirrored data of a follower.
fn log_in(persisted: Persisted) -> Session {
    let mut session = Session::new(1, "fuzz");
    let nick = persisted.nick().unwrap_or("tom").to_owned();
    assert_eq!(session.handle_login(NOW, &nick, persisted), Ok(()), "the persisted login cannot be resumed");
    session
}

/// A tab whose previous page had the draft "own" takes over the drafts of closed tabs. Its next page must find them all.
fn take_over_drafts(drafts: &[Vec<u8>]) {
    let open_tabs = ["open".to_owned()];
    let (text, changes) = draft::take_over(RoomId::LOBBY, Some("own"), "new", &open_tabs, drafts, NOW.unix);
    assert!(
        changes.iter().all(|change| !matches!(change, Change::Delete(Key::Draft(_, tab)) if tab == "open")),
        "the draft of an open tab was deleted"
    );
    let Some(Change::Put(_, stored)) = changes.last() else { return };
    let (whole, _) = draft::take_over(RoomId::LOBBY, Some("new"), "next", &[], &[stored.to_vec()], NOW.unix);
    assert!(whole.starts_with(&text), "{text:?} is shown, and {whole:?} is stored");
    for draft in drafts {
        let draft = std::slice::from_ref(draft);
        let (text, _) = draft::take_over(RoomId::LOBBY, None, "none", &open_tabs, draft, NOW.unix);
        assert!(whole.contains(&text), "{text:?} was lost from {whole:?}");
    }
}

fn show(timeline: &mut Timeline, event: Event) {
    match event {
        Event::Message(message) => timeline.insert(message),
        Event::HistoryPage(messages) => {
            let (before, count) = (timeline.len(), messages.len());
            timeline.insert_page(messages);
            assert!(timeline.len() <= before + 3 * count + 1, "more rows than messages, days and gaps");
        }
        Event::Gaps(gaps) => {
            assert!(gaps.iter().all(|missing| missing.gap.from < missing.gap.to), "an empty gap: {gaps:?}");
            timeline.set_gaps(&gaps);
        }
        Event::LogReplaced => timeline.clear_acknowledged(),
        Event::Discarded(id) => timeline.discard(id),
        Event::Delivery(id, delivery) => timeline.set_delivery(id, delivery),
        Event::PresenceChanged(change, time) => timeline.presence_changed(&change.nick, change.joined, time),
        _ => {}
    }
}
