//! Watches whether the leader responds.

use crate::Millis;

/// The interval at which a visible follower asks the leader whether it responds, in ms.
pub const QUESTION_INTERVAL_MS: Millis = 2_000;
/// A visible follower takes the leadership over when a question was not answered for this long, in ms. With the interval
/// of the questions this is shorter than the 10 s within which a visible tab detects a dead connection.
pub const LEASE_MS: Millis = 5_000;
/// As [`LEASE_MS`] while no leader was heard: one that responds answers a new tab at once.
const FIRST_ANSWER_MS: Millis = 2_500;
/// As [`FIRST_ANSWER_MS`] when the browser refuses the lock, which usually means that there is no other tab.
const LOCK_REFUSED_MS: Millis = 300;
/// What a follower shows counts as outdated when a question was not answered for this long, in ms.
const OUTDATED_MS: Millis = 1_500;
/// A follower whose timer is this late was suspended itself, so the answers may wait in its own queue, in ms.
const LATE_TIMER_MS: Millis = 2_000;
/// The minimum interval between two questions, in ms.
const MIN_INTERVAL_MS: Millis = 250;

/// The next actions of the follower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Ask the leader.
    pub ask: bool,
    /// What is shown may be outdated since this time.
    pub outdated_since: Option<Millis>,
    /// Take the leadership over.
    pub take_over: bool,
}

/// The questions of a follower and the answers of its leader.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The tab is visible. Hidden tabs don't ask.
    visible: bool,
    /// The user waits for the leader to execute a command.
    is_waiting: bool,
    /// When the first question that is not answered was asked.
    asked: Option<Millis>,
    next_question: Millis,
    /// What is shown was confirmed by the server at this time.
    confirmed: Millis,
    is_outdated: bool,
    /// A leader was heard.
    heard: bool,
    lock_refused: bool,
    /// When to replace a leader that uses an earlier version of the database.
    replace_at: Option<Millis>,
    /// Added to the time before taking over, so that two followers do not do it at once.
    delay: Millis,
}

impl Watch {
    pub fn new(now: Millis, delay: Millis) -> Self {
        Self { confirmed: now, delay, ..Self::default() }
    }

    /// The watch of a tab that another one has replaced as the leader.
    pub fn after_leading(now: Millis, delay: Millis) -> Self {
        Self { heard: true, ..Self::new(now, delay) }
    }

    /// Returns whether the visibility has changed.
    pub fn handle_visibility(&mut self, now: Millis, visible: bool) -> bool {
        if visible && !self.visible {
            self.ask(now);
        }
        let was_visible = std::mem::replace(&mut self.visible, visible);
        self.stop_if_idle();
        was_visible != visible
    }

    /// Returns `true` if this tab is visible.
    pub fn is_visible(&self) -> bool {
        self.visible
    }

    /// Asks at once.
    pub fn ask(&mut self, now: Millis) {
        self.next_question = now;
    }

    /// The browser refuses the lock: without an answer this tab leads.
    pub fn handle_lock_refused(&mut self, now: Millis) {
        self.lock_refused = true;
        self.ask(now);
    }

    /// The user has given a command, which is a question too.
    pub fn handle_command(&mut self, now: Millis) {
        self.is_waiting = true;
        self.asked.get_or_insert(now);
    }

    /// The user waits for the leader, or not any more.
    pub fn handle_waiting(&mut self, is_waiting: bool) {
        self.is_waiting = is_waiting;
        self.stop_if_idle();
    }

    fn stop_if_idle(&mut self) {
        if !self.is_active() {
            self.asked = None;
        }
    }

    fn is_active(&self) -> bool {
        self.visible || self.is_waiting || (self.lock_refused && !self.heard)
    }

    /// A message of the leader was received. Returns whether what is shown was reported as outdated before.
    pub fn handle_leader(&mut self, now: Millis) -> bool {
        (self.heard, self.asked, self.confirmed) = (true, None, now);
        std::mem::take(&mut self.is_outdated)
    }

    /// The leader uses an earlier version of the database than this tab, or not any more. It can't persist anything since
    /// this tab has opened its own version, so it is replaced at once.
    pub fn handle_version(&mut self, now: Millis, is_earlier: bool) {
        self.replace_at = is_earlier.then(|| self.replace_at.unwrap_or(now + self.delay));
    }

    /// The leader has answered: it heard from the server `age` ms ago, and has something to do in `due` ms.
    pub fn handle_answer(&mut self, now: Millis, age: Millis, due: Option<Millis>) {
        self.confirmed = now.saturating_sub(age);
        let interval =
            due.map_or(QUESTION_INTERVAL_MS, |due| due.clamp(MIN_INTERVAL_MS, QUESTION_INTERVAL_MS));
        self.next_question = now + interval;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn due(&self) -> Option<Millis> {
        let asked = self.asked.map_or(Millis::MAX, |asked| {
            let outdated = if self.is_outdated { Millis::MAX } else { asked + OUTDATED_MS };
            outdated.min(asked + self.patience())
        });
        let active = self.is_active().then(|| asked.min(self.next_question));
        active.into_iter().chain(self.replace_at).min()
    }

    fn patience(&self) -> Millis {
        self.delay
            + match (self.heard, self.lock_refused) {
                (true, _) => LEASE_MS,
                (false, false) => FIRST_ANSWER_MS,
                (false, true) => LOCK_REFUSED_MS,
            }
    }

    pub fn handle_timeout(&mut self, now: Millis) -> Due {
        let mut todo = Due::default();
        let Some(due) = self.due() else { return todo };
        if self.replace_at.is_some_and(|at| now >= at) {
            todo.take_over = true;
            // If that does not succeed, it is tried again.
            self.replace_at = Some(now + LEASE_MS);
        }
        if now > due + LATE_TIMER_MS && self.asked.is_some() {
            self.asked = Some(now);
            self.next_question = now;
        }
        if self.is_active() && now >= self.next_question {
            todo.ask = true;
            self.next_question = now + QUESTION_INTERVAL_MS;
            self.asked.get_or_insert(now);
        }
        let Some(asked) = self.asked.filter(|_| self.is_active()) else { return todo };
        if now >= asked + OUTDATED_MS && !self.is_outdated {
            self.is_outdated = true;
            todo.outdated_since = Some(self.confirmed);
        }
        if now >= asked + self.patience() {
            todo.take_over = true;
            // If that does not succeed, it is tried again.
            self.asked = Some(now);
        }
        todo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the timers until `end`, and returns what was due at each time.
    fn run(watch: &mut Watch, end: Millis) -> Vec<(Millis, Due)> {
        let mut done = Vec::new();
        while let Some(due) = watch.due().filter(|due| *due <= end) {
            done.push((due, watch.handle_timeout(due)));
        }
        done
    }

    fn take_overs(done: &[(Millis, Due)]) -> Vec<Millis> {
        done.iter().filter(|(_, due)| due.take_over).map(|(at, _)| *at).collect()
    }

    #[test]
    fn a_silent_leader_is_replaced_within_the_detection_time() {
        let mut watch = Watch::new(0, 100);
        watch.handle_visibility(0, true);
        assert!(!watch.handle_leader(0));
        watch.handle_answer(0, 300, None);
        let done = run(&mut watch, 8_000);
        let outdated: Vec<_> = done.iter().filter_map(|(at, due)| Some((*at, due.outdated_since?))).collect();
        assert_eq!(outdated, [(3_500, 0)], "the answer was about a server that was heard at 0");
        assert_eq!(take_overs(&done), [7_100]);
        assert!(watch.handle_leader(8_000), "the new leader");
    }

    #[test]
    fn a_leader_that_answers_is_asked_when_it_has_something_to_do() {
        let mut watch = Watch::new(0, 0);
        watch.handle_visibility(0, true);
        for (due, next) in [(None, 2_000), (Some(0), 250), (Some(900), 900), (Some(60_000), 2_000)] {
            watch.handle_leader(1_000);
            watch.handle_answer(1_000, 0, due);
            assert_eq!(watch.due(), Some(1_000 + next));
        }
        let asked = watch.handle_timeout(3_000);
        assert_eq!(asked, Due { ask: true, ..Due::default() });
    }

    #[test]
    fn a_new_tab_without_a_leader_waits_less() {
        let mut watch = Watch::new(0, 0);
        watch.handle_visibility(0, true);
        assert_eq!(take_overs(&run(&mut watch, 5_000)), [2_500, 5_000], "again, if that had no effect");
    }

    #[test]
    fn a_tab_that_is_refused_the_lock_leads_unless_there_is_a_leader() {
        let mut watch = Watch::new(0, 0);
        watch.handle_lock_refused(0);
        assert_eq!(take_overs(&run(&mut watch, 500)), [300], "also in a hidden tab");
        watch.handle_leader(500);
        assert_eq!(watch.due(), None);
    }

    #[test]
    fn hidden_tabs_do_not_ask_unless_the_user_waits() {
        let mut watch = Watch::new(0, 0);
        watch.handle_leader(0);
        assert_eq!(watch.due(), None);
        watch.handle_command(0);
        assert_eq!(take_overs(&run(&mut watch, 5_000)), [5_000]);
        watch.handle_waiting(false);
        assert_eq!(watch.due(), None);
    }

    #[test]
    fn a_follower_that_was_suspended_itself_asks_again() {
        let mut watch = Watch::new(0, 0);
        watch.handle_visibility(0, true);
        watch.handle_leader(0);
        assert!(watch.handle_timeout(0).ask);
        let due = watch.handle_timeout(60_000);
        assert!(due.ask && !due.take_over, "the answer may wait in its own queue: {due:?}");
        assert_eq!(take_overs(&run(&mut watch, 65_000)), [65_000]);
    }

    #[test]
    fn a_leader_with_an_earlier_database_is_replaced_at_once() {
        let mut watch = Watch::new(0, 100);
        watch.handle_leader(1_000);
        watch.handle_version(1_000, true);
        watch.handle_version(1_050, true);
        assert_eq!(take_overs(&run(&mut watch, 7_000)), [1_100, 6_100], "again, if that had no effect");
        watch.handle_version(7_000, false);
        assert_eq!(watch.due(), None);
    }
}
