//! Drives a tab as the client's service does: passes input to the client or the follower, and executes what they return.

use parlour_core::{
    Millis,
    client::{
        Origin,
        tabs::{Admission, FollowerAction, Leader, LeaderAction, SUSPENSION_MS, TabCommand},
    },
    left_sessions::LeftSessions,
    model::Connection,
    status::Status,
};

use super::{
    device::Work,
    tab::{Input, Role, SocketEvent, Tab},
    world::World,
};
use crate::network::{Link, Packet};

/// The time for which the leader considers a follower visible, in ms.
const REPORT_TIMEOUT_MS: Millis = 10_000;

impl World {
    // ---- the life of a tab

    /// Closes a tab without notice.
    pub fn close_tab(&mut self, at: usize) {
        self.drop_link(at, true);
        self.cancel_requests(at);
        self.ledger.tab_closed(at);
        self.release_lock(at, 0);
        let tab = &mut self.tabs[at];
        tab.role = Role::Closed;
        // What is only in memory is gone.
        (tab.left, tab.has_stolen, tab.hung_until) = ((0, LeftSessions::default()), false, 0);
        tab.closed(0);
    }

    /// Handles everything that is due in a tab.
    pub fn run_tab(&mut self, at: usize) {
        let now = self.now;
        if self.tabs[at].due().is_none_or(|due| due > now) {
            return;
        }
        if self.tabs[at].open_at.is_some_and(|time| time <= now) {
            self.open_tab(at);
        }
        loop {
            if let Some((_, input)) = self.tabs[at].inbox.pop_front_if(|(due, _)| *due <= now) {
                self.admit(at, input);
            } else if !self.receive(at) {
                break;
            }
        }
        if self.tabs[at].connect_at.take_if(|time| *time <= now).is_some() {
            self.connect(at);
        }
        if self.tabs[at].timer().is_some_and(|due| due <= now) {
            self.admit(at, Input::Timer);
        }
    }

    /// Receives in the tab what the server has sent. Returns `false` if nothing has arrived.
    fn receive(&mut self, at: usize) -> bool {
        let Some((server, conn, packet)) = self.due_packet(at, 1) else { return false };
        if let Packet::Bytes(bytes) = &packet {
            self.check_received(at, conn, bytes);
        }
        let event = match packet {
            Packet::Open => SocketEvent::Opened,
            Packet::Bytes(bytes) => SocketEvent::Message(bytes),
            Packet::Close(code) => SocketEvent::Closed(code),
        };
        if let SocketEvent::Closed(_) = event {
            self.tabs[at].link = None;
        }
        let socket = self.tabs[at].socket;
        self.admit(at, Input::Socket(socket, event));
        let is_drained = |link: &&mut Link| link.conn == conn && link.skipping && link.to_client.is_empty();
        if let Some(link) = self.tabs[at].link.as_mut().filter(is_drained) {
            link.skipping = false;
            self.with_server(server, |running, now, _| running.hub.handle_drained(now, conn));
        }
        true
    }

    /// The user connects again after a failure, under another nick if that was refused.
    fn connect(&mut self, at: usize) {
        let now = self.clocks(at);
        let user = self.tabs[at].user;
        let is_about_nick = self.tabs[at].shown.connection.is_nick_refused();
        if matches!(self.tabs[at].shown.connection, Connection::Failed { status: Status::AccountGone, .. }) {
            // A restored log does not have the account, and a session ends after a year.
            let is_possible = self.plan.restores || self.plan.leaps.is_some() || self.plan.bad_storage;
            assert!(is_possible, "the account of tab {at} is gone");
            self.tally.count("accounts that are gone");
            return self.log_out(at);
        }
        let nick = self.users[user].next_nick();
        let Role::Leader(_, client) = &mut self.tabs[at].role else { return };
        if client.identity().is_none() {
            let _ = client.handle_connect(now);
        } else if is_about_nick {
            let _ = client.handle_rename(now, &nick);
        } else {
            client.handle_reconnect(now);
        }
        self.drain(at);
    }

    pub fn show(&mut self, at: usize, visible: bool) {
        (self.tabs[at].is_visible, self.tabs[at].steady_since) = (visible, self.now);
        self.report_visibility(at);
    }

    pub fn report_visibility(&mut self, at: usize) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let visible = tab.is_visible;
        match &mut tab.role {
            Role::Closed => {}
            Role::Follower(follower) | Role::Promoting(follower, _) => {
                follower.handle_visibility(now.monotonic, visible);
            }
            Role::Leader(_, client) => {
                let visible = visible || tab.follower_visible_until > now.monotonic;
                if tab.reported_visible.replace(visible) != Some(visible) {
                    client.handle_visibility(now, visible);
                }
            }
        }
        self.drain(at);
    }

    // ---- input

    /// Passes an input on, unless the tab may not be the leader any more.
    pub fn admit(&mut self, at: usize, input: Input) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        if let (Role::Leader(leader, _), Input::Channel(bytes)) = (&tab.role, &input)
            && leader.is_superseded_by(bytes)
        {
            self.step_down(at);
            return self.handle(at, input);
        }
        let is_guarded = !matches!(
            input,
            Input::Granted | Input::Lost | Input::Refused | Input::Checked(_) | Input::Read { .. }
        );
        if !is_guarded || !matches!(tab.role, Role::Leader(..)) {
            return self.handle(at, input);
        }
        match tab.gate.admit(now, input) {
            Admission::Admitted(input) => self.handle(at, input),
            Admission::Check => {
                // A browser that does not answer is believed to have kept it.
                let is_held = self.refuses_locks(at) || self.holds_lock(at);
                self.tabs[at].deliver(now + 1, Input::Checked(is_held));
            }
            Admission::Held => {}
        }
    }

    pub fn handle(&mut self, at: usize, input: Input) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        match (input, &mut tab.role) {
            (Input::User(action), _) => return self.act(at, action),
            (Input::Granted, Role::Follower(follower)) => {
                let lease = follower.next_lease(now.unix);
                (tab.lease, tab.granted_at) = (lease, now.monotonic);
                let role = std::mem::replace(&mut tab.role, Role::Closed);
                let Role::Follower(follower) = role else { unreachable!() };
                tab.role = Role::Promoting(follower, Vec::new());
                let announcement = Leader::announcement(tab.origin, lease);
                self.post(at, &announcement);
                let Tab { device, ref scope, .. } = self.tabs[at];
                if self.devices[device].scopes.is_left(scope) {
                    self.request(at, Work::DeleteLeft(scope.clone()));
                }
                self.request(at, Work::Lead(lease));
            }
            (Input::Refused, Role::Follower(follower)) => follower.handle_lock_refused(now.monotonic),
            (Input::Lost, _) | (Input::Checked(false), Role::Leader(..)) => return self.step_down(at),
            (Input::Checked(true), Role::Leader(..)) => {
                for input in tab.gate.open(now.monotonic) {
                    self.admit(at, input);
                }
            }
            (Input::Read { lease, recorded, stored }, Role::Promoting(..)) if tab.lease == lease => {
                let is_late = now.monotonic - tab.granted_at >= SUSPENSION_MS;
                if is_late && !self.refuses_locks(at) && !self.holds_lock(at) {
                    // It was suspended, and is told next that another tab has the lock.
                    return self.tally.count("promotions that ended late");
                }
                return self.lead(at, recorded, stored.map(|stored| *stored));
            }
            (Input::Written { client: number, ticket, is_refused }, Role::Leader(_, client))
                if number == tab.client_number =>
            {
                if is_refused {
                    return self.step_down(at);
                }
                client.handle_persisted(now, ticket);
            }
            (Input::Channel(bytes), Role::Leader(..)) => return self.lead_tab(at, &bytes),
            (Input::Channel(bytes), Role::Follower(follower)) => follower.handle_message(now, &bytes),
            (Input::Channel(bytes), Role::Promoting(follower, received)) => {
                follower.handle_message(now, &bytes);
                received.push(bytes);
            }
            (Input::Stored(sent), Role::Leader(_, client)) => {
                let (room, message) = sent.message;
                client.handle_adopt(now, room, message);
            }
            (Input::Superseded(sent), Role::Leader(_, client)) => {
                let (room, message) = sent.message;
                client.handle_adopt_unpersisted(now, room, message);
            }
            (Input::Stored(sent), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                follower.handle_stored(*sent);
            }
            (Input::Superseded(sent), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                self.tally.count("messages refused by the storage");
                follower.handle_superseded(*sent);
            }
            (Input::Socket(number, event), Role::Leader(_, client)) if number == tab.socket => match event {
                SocketEvent::Opened => client.handle_opened(now),
                SocketEvent::Message(bytes) => client.handle_message(now, &bytes),
                SocketEvent::Closed(code) => client.handle_closed(now, code),
            },
            (Input::Timer, Role::Leader(_, client)) => {
                client.handle_timeout(now);
                self.report_visibility(at);
            }
            (Input::Timer, Role::Follower(follower)) => {
                let action = follower.handle_timeout(now);
                if action == FollowerAction::TakeOver {
                    self.drain(at);
                    self.steal_lock(at);
                }
            }
            (Input::Execute(_, TabCommand::LogOut), Role::Leader(..)) => return self.log_out(at),
            (Input::Execute(number, command), Role::Leader(_, client)) => {
                command.execute(now, Origin::LOCAL, number, client);
            }
            _ => {}
        }
        self.drain(at);
    }

    /// The leader receives a message of another tab.
    fn lead_tab(&mut self, at: usize, bytes: &[u8]) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let Role::Leader(leader, client) = &mut tab.role else { return };
        match leader.handle_message(now, bytes, client) {
            LeaderAction::PublishSnapshot => {
                self.drain(at);
                self.post_snapshot(at);
            }
            LeaderAction::Visibility(visible) => {
                tab.follower_visible_until = if visible { now.monotonic + REPORT_TIMEOUT_MS } else { 0 };
                client.handle_timeout(now);
                self.report_visibility(at);
            }
            LeaderAction::LogOut => self.log_out(at),
            LeaderAction::Nothing => self.drain(at),
        }
        if let Role::Leader(leader, client) = &mut self.tabs[at].role
            && let Some(renewal) = leader.poll_renewal(now.monotonic, client)
        {
            self.post(at, &renewal);
        }
    }
}
