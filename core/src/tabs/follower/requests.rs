//! Requests of a follower that the server answers through the leader.

use super::Follower;
use crate::{
    device::TabMessage,
    event::{Event, LOCAL, Requester},
    model::SeekTarget,
    status::Status,
    tabs::{
        TabCommand,
        command::{self, seek_command},
    },
};

impl Follower {
    /// Loads the newest part of the gap that ends with `to`, like
    /// [`Session::handle_load_gap`](crate::session::Session::handle_load_gap).
    pub fn handle_load_gap(&mut self, to: u64) {
        if self.pending_page != 0 || self.pending_seek != 0 {
            // The end of that request is reported, after which this one can be repeated.
        } else if self.known.gaps().any(|gap| gap.to == to) {
            let requester = self.next_requester();
            // Earlier versions do not report the end of a request.
            self.pending_page = if self.watch.is_answered() { requester } else { 0 };
            self.messages.push_back(command::load_gap_command(requester, to));
        } else {
            self.events.push_back(Event::PageFinished { requester: LOCAL, result: Ok(()) });
        }
    }

    /// Seeks, like [`Session::handle_seek`](crate::session::Session::handle_seek).
    pub fn handle_seek(&mut self, target: SeekTarget) {
        self.pending_page = 0;
        if let SeekTarget::Seq(seq) = target {
            let seq = self.known.nearest(seq);
            if self.known.contains(seq) {
                self.pending_seek = 0;
                self.events.push_back(Event::SeekFinished { requester: LOCAL, seq: Some(seq) });
                return;
            }
        }
        self.pending_seek = self.next_requester();
        self.messages.push_back(seek_command(self.pending_seek, self.epoch, target));
    }

    /// Searches, like [`Session::handle_search`](crate::session::Session::handle_search).
    pub fn handle_search(&mut self, words: &str, before: u64) {
        self.pending_search = self.next_requester();
        let bytes = words.as_bytes().to_vec();
        let (number, epoch) = (self.pending_search, self.epoch);
        let arguments = TabMessage { number, bytes, seq: before, epoch, ..TabMessage::default() };
        self.messages.push_back(command::encode(TabCommand::Search, arguments));
    }

    fn next_requester(&mut self) -> Requester {
        self.requests = self.requests.wrapping_add(1);
        Requester::from(self.tab) << 32 | Requester::from(self.requests)
    }

    /// The leader's tab was closed, or does not respond: unfinished requests fail.
    pub fn handle_leader_gone(&mut self) {
        if std::mem::take(&mut self.pending_page) != 0 {
            let result = Err(Status::NotConnected);
            self.events.push_back(Event::PageFinished { requester: LOCAL, result });
        }
        if std::mem::take(&mut self.pending_seek) != 0 {
            self.events.push_back(Event::SeekFinished { requester: LOCAL, seq: None });
        }
        if std::mem::take(&mut self.pending_search) != 0 {
            let results = Err(Status::NotConnected);
            self.events.push_back(Event::SearchFinished { requester: LOCAL, results });
        }
    }
}

/// Clears the pending request if it is that of this requester. Returns whether it was.
pub(super) fn take_pending(pending: &mut Requester, requester: Requester) -> bool {
    let matches = *pending == requester && requester != LOCAL;
    if matches {
        *pending = 0;
    }
    matches
}
