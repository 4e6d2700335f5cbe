//! Target `stored`: possibly corrupt device storage, and messages from another tab of the same user.

use parlour_core::{
    event::Event,
    persist::Persisted,
    session::{Clocks, Command, Session},
    tabs::{Follower, Leader},
    timeline::Timeline,
};

use crate::input::Input;

/// Reads the bytes as the three tables of a device and as messages from another tab, then continues from there both as
/// the leader tab and as a follower.
///
/// # Panics
/// If a persisted login cannot be resumed, if a gap is empty or unknown, or if a tab message is larger than its input
/// allows.
pub fn stored(data: &[u8]) {
    let mut input = Input::new(data);
    let account = input.bytes().to_vec();
    let list = |input: &mut Input| (0..input.byte() % 8).map(|_| input.bytes().to_vec()).collect::<Vec<_>>();
    let (send_queue, messages, tab_messages) = (list(&mut input), list(&mut input), list(&mut input));
    let persisted = Persisted::read(Some(&account), &send_queue, &messages);
    let now = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };

    let mut follower = Follower::new(now.monotonic, 1);
    let mut timeline = Timeline::new(100, |time| time.div_euclid(86_400_000));
    for tab_message in &tab_messages {
        let _ = follower.handle_message(now.monotonic, tab_message);
    }
    follower.handle_persisted(persisted.clone());
    while let Some(event) = follower.poll_event() {
        show(&mut timeline, event);
    }
    let _ = follower.handle_send(now, parlour_core::model::MessageId([1; 16]), "hello");

    let mut session = Session::new(1, "fuzz");
    let nick = persisted.nick().unwrap_or("tom").to_owned();
    let logged_in = persisted.is_logged_in();
    assert_eq!(session.handle_login(now, &nick, persisted), Ok(()), "the persisted login cannot be resumed");
    let mut leader = Leader::new(1, true);
    for tab_message in tab_messages.iter().chain(&send_queue) {
        let _ = leader.handle_message(now, tab_message, &mut session);
        session.handle_adopt(now, tab_message);
    }
    let mut timeline = Timeline::new(100, |time| time.div_euclid(86_400_000));
    let mut rooms_opened = 0;
    while let Some(event) = session.poll_event() {
        if let Some(tab_message) = leader.publish(now.monotonic, &event, &session) {
            assert!(
                tab_message.len() <= 64 * 1024 + 4 * data.len(),
                "a tab message of {} bytes",
                tab_message.len()
            );
        }
        rooms_opened += usize::from(matches!(event, Event::LoggedIn(_)));
        show(&mut timeline, event);
    }
    assert_eq!(
        rooms_opened > 0,
        logged_in,
        "a persisted login opens the room at once, and only a persisted login"
    );
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
