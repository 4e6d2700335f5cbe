//! What a device has kept, as whatever it has become there, and what another page of the same user tells.

use parlour_core::{
    event::Event,
    persist::Persisted,
    session::{Clocks, Command, Session},
    tabs::{Follower, Leader},
    timeline::Timeline,
};

use crate::input::Input;

/// Reads the bytes as the three tables of a device and as letters of another page, and goes on from there: as a page
/// that leads and as one that follows.
///
/// # Panics
/// When somebody who is kept as logged in can't go on, when something is called known that is not there, or when a
/// letter grows beyond itself.
pub fn stored(data: &[u8]) {
    let mut input = Input::new(data);
    let account = input.bytes().to_vec();
    let list = |input: &mut Input| (0..input.byte() % 8).map(|_| input.bytes().to_vec()).collect::<Vec<_>>();
    let (outbox, messages, letters) = (list(&mut input), list(&mut input), list(&mut input));
    let kept = Persisted::read(Some(&account), &outbox, &messages);
    let now = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };

    let mut mirror = Follower::new();
    let mut timeline = Timeline::new(100, |time| time.div_euclid(86_400_000));
    for letter in &letters {
        let _ = mirror.handle_message(now.monotonic, letter);
    }
    mirror.handle_persisted(kept.clone());
    while let Some(event) = mirror.poll_event() {
        show(&mut timeline, event);
    }
    let _ = mirror.handle_send(now, parlour_core::model::MessageId([1; 16]), "hello");

    let mut session = Session::new(1, "fuzz");
    let nick = kept.nick().unwrap_or("tom").to_owned();
    let logged_in = kept.is_logged_in();
    assert_eq!(session.handle_login(now, &nick, kept), Ok(()), "who is kept can't go on");
    let mut lead = Leader::new(1, true);
    for letter in letters.iter().chain(&outbox) {
        let _ = lead.handle_message(now, letter, &mut session);
        session.handle_adopt(now, letter);
    }
    let mut timeline = Timeline::new(100, |time| time.div_euclid(86_400_000));
    let mut shown = 0;
    while let Some(event) = session.poll_event() {
        if let Some(letter) = lead.publish(now.monotonic, &event, &session) {
            assert!(letter.len() <= 64 * 1024 + 4 * data.len(), "a letter of {} bytes", letter.len());
        }
        shown += usize::from(matches!(event, Event::LoggedIn(_)));
        show(&mut timeline, event);
    }
    assert_eq!(shown > 0, logged_in, "the room is shown to who is logged in, at once");
    while let Some(command) = session.poll_command() {
        if let Command::Persist { ticket, .. } = command {
            session.handle_persisted(now, ticket);
        }
    }
}

fn show(timeline: &mut Timeline, event: Event) {
    match event {
        Event::Message(message) => timeline.insert(message),
        Event::HistoryPage(messages) => {
            let (before, count) = (timeline.len(), messages.len());
            timeline.insert_page(messages);
            assert!(timeline.len() <= before + 3 * count + 1, "more rows than there is to show");
        }
        Event::Gaps(gaps) => {
            assert!(
                gaps.iter().all(|missing| missing.gap.from < missing.gap.to),
                "a gap of nothing: {gaps:?}"
            );
            timeline.set_gaps(&gaps);
        }
        Event::LogReplaced => timeline.clear_acknowledged(),
        Event::Discarded(id) => timeline.discard(id),
        Event::Delivery(id, delivery) => timeline.set_delivery(id, delivery),
        Event::PresenceChanged(moved, time) => timeline.presence_changed(&moved.nick, moved.joined, time),
        _ => {}
    }
}
