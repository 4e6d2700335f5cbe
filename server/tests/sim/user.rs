//! The actions of users.

use parlour_core::{
    model::{MessageId, SeekTarget},
    session::{Clocks, Session},
    tabs::{Command, Follower, FollowerAction},
};

use super::{
    device::Work,
    network::POISON,
    privacy::mark,
    world::{At, World},
};

impl World {
    /// A user shows or hides a tab.
    pub fn set_visible(&mut self, at: At, visible: bool) {
        self.guard(at);
        let now = self.now;
        let tab = self.tab(at);
        (tab.is_visible, tab.steady_since) = (visible, now);
        if tab.is_leader() {
            self.with_session(at, |session, now| session.handle_visibility(now, visible));
        } else {
            self.report_visibility(at);
        }
    }

    /// A user sends a message.
    pub fn send_message(&mut self, at: At) {
        if !self.tab(at).has_joined() || self.tab(at).hung_until > self.now {
            return;
        }
        self.guard(at);
        self.next_id += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next_id.to_be_bytes());
        let now = self.now_of(at.device);
        let id = MessageId::new(u64::try_from(now.unix).unwrap(), random);
        let account = self.tab(at).account;
        let mut text = format!("message {} {}", self.next_id, mark((at.device, account)));
        let mut is_hopeless = false;
        if let Some(middlebox) = self.devices[at.device].middlebox {
            match self.rng.below(60) {
                0 => text.push_str(POISON),
                1 => text.push_str(&"~".repeat(middlebox.max_bytes)),
                _ => {}
            }
            is_hopeless = middlebox.refuses_text(&text);
        }
        let ledger = &mut self.devices[at.device].accounts[account].ledger;
        if is_hopeless {
            ledger.hopeless.insert(id);
        }
        let is_sent = match self.tab(at).follower() {
            Some(follower) => {
                let message = follower.handle_send(now, id, &text);
                let is_sent = message.is_ok();
                if let Ok(message) = message {
                    // Before the events, so that the request is known when the message is shown.
                    self.request(at, Work::Forward(message));
                }
                self.with_follower(at, |_| FollowerAction::Nothing);
                is_sent
            }
            None => self.with_session(at, |session, now| session.handle_send(now, id, &text)).is_ok(),
        };
        if is_sent {
            self.tally.count("messages");
            // A tab that can't read its device does not know of earlier messages, and a tab that was opened again does
            // not know of those that wait in another one.
            let is_one = self.devices[at.device].tabs.len() == 1 && !self.plan.bad_storage;
            let sequence = if is_one { 0 } else { self.tab(at).login * 100 + at.tab as u64 };
            self.devices[at.device].accounts[account].ledger.sent(at.tab, sequence, id);
        }
    }

    /// A user scrolls to a place in the room.
    pub fn seek(&mut self, at: At, target: SeekTarget) {
        self.tally.count("seeks");
        self.guard(at);
        let now = self.now;
        self.tab(at).view.seek_since = Some(now);
        self.act(
            at,
            |follower| follower.handle_seek(target),
            |session, now| session.handle_seek(now, target),
        );
    }

    /// A user searches for messages.
    pub fn search(&mut self, at: At, words: &str) {
        self.tally.count("searches");
        self.guard(at);
        let now = self.now;
        self.tab(at).view.search_since = Some(now);
        self.act(
            at,
            |follower| follower.handle_search(words, 0),
            |session, now| session.handle_search(now, words, 0),
        );
    }

    /// A user scrolls to a gap.
    pub fn load_gap(&mut self, at: At, to: u64) {
        self.guard(at);
        self.act(
            at,
            |follower| follower.handle_load_gap(to),
            |session, now| session.handle_load_gap(now, to),
        );
    }

    fn act(&mut self, at: At, follow: impl FnOnce(&mut Follower), lead: impl FnOnce(&mut Session, Clocks)) {
        if self.tab(at).follower().is_some() {
            self.with_follower(at, |follower| {
                follow(follower);
                FollowerAction::Nothing
            });
        } else {
            self.with_session(at, lead);
        }
    }

    /// A user retries or discards the oldest failed message; `hopeless` ones too.
    pub fn handle_failed(&mut self, at: At, retry: bool, hopeless: bool) {
        let account = self.tab(at).account;
        let ledger = &mut self.devices[at.device].accounts[account].ledger;
        let is_chosen = |id: &&MessageId| hopeless || !ledger.hopeless.contains(id);
        let Some(&id) = ledger.failed.keys().find(is_chosen) else { return };
        let command = if retry { Command::Retry(id) } else { Command::Discard(id) };
        if retry {
            ledger.retried.insert(id);
        }
        self.tally.count(if retry { "retried messages" } else { "discarded messages" });
        self.execute(at, command);
    }

    /// A user leaves the room, in order to log in to this account in the same page.
    pub fn change_account(&mut self, device: usize, account: usize) {
        self.devices[device].current = account;
        self.leave_other_accounts(device);
    }

    /// Leaves all accounts that are not the current one.
    pub fn leave_other_accounts(&mut self, device: usize) {
        for tab in 0..self.devices[device].tabs.len() {
            let current = self.devices[device].current;
            let this = &self.devices[device].tabs[tab];
            if this.has_joined() && this.account != current && this.hung_until <= self.now {
                self.leave(At { device, tab });
            }
        }
    }
}
