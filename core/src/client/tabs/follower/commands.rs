//! The commands that the user gives in a follower: each one is sent to the leader until it is answered, or is executed in
//! this tab when it becomes the leader.

use super::{Follower, FollowerEvent, messages::SentMessage};
use crate::{
    Clocks, Millis,
    client::{
        Command, Event, Origin, OwnMessage, Position, Reply,
        tabs::{
            events,
            post::{Post, PostContent, TabCommand},
        },
    },
    model::{Delivery, Refusal, RoomId},
    status::Status,
    wire,
};

/// A command that the leader has not executed after this time has failed, and the user is notified. Longer than the time
/// after which a visible follower takes the leadership over and executes the command itself.
pub const COMMAND_TIMEOUT_MS: Millis = 10_000;
/// As [`COMMAND_TIMEOUT_MS`] for a command that the server has to answer, which the leader waits for as long.
const ANSWER_TIMEOUT_MS: Millis = 2 * COMMAND_TIMEOUT_MS;
/// A leader does not execute a command that is older than this, because the user may be told that it has failed.
const COMMAND_LIFETIME_MS: i64 = 8_000;
/// The first number of the commands that a follower gives itself. Those of the user interface are smaller.
pub(super) const INTERNAL: u32 = 1 << 31;

/// A command of this follower that no leader has answered.
#[derive(Clone, Debug)]
pub(super) struct PendingCommand {
    pub(super) number: u32,
    pub(super) command: TabCommand,
    issued: Millis,
    /// Must not be executed after this time, Unix ms.
    expires: i64,
    /// The log that its cursor or position is of.
    log: Vec<u8>,
    /// The message as it was before the command, which is shown as executed at once.
    undo: Option<OwnMessage>,
}

impl PendingCommand {
    pub fn overdue_at(&self) -> Millis {
        let is_answered_by_server = matches!(self.command, TabCommand::Server(_));
        self.issued + if is_answered_by_server { ANSWER_TIMEOUT_MS } else { COMMAND_TIMEOUT_MS }
    }

    /// The user interface has given it.
    pub fn is_from_user(&self) -> bool {
        self.number < INTERNAL
    }
}

impl Follower {
    // ---- commands

    /// Gives a command to the server. It is answered once by [`Event::Answer`] with this number, which no other command of
    /// this tab has, and the origin [`Origin::LOCAL`].
    pub fn handle_server_command(&mut self, now: Clocks, number: u32, command: Command) {
        match &command {
            Command::Subscribe { room, .. } => drop(self.subscribed.insert(*room)),
            Command::Unsubscribe { room } => drop(self.subscribed.remove(room)),
            _ => {}
        }
        self.issue(now, number, TabCommand::Server(command), None);
    }

    /// Gives another command to the leader. Its effect on a message is shown at once, so that the user can't give a second
    /// command that contradicts it.
    pub fn handle_command(&mut self, now: Clocks, command: TabCommand) {
        if self.commands.iter().any(|pending| pending.command == command) {
            return;
        }
        let mut undo = None;
        if let TabCommand::Retry(room, id) | TabCommand::Discard(room, id) = command {
            let is_failed =
                |message: &&OwnMessage| message.id == id && matches!(message.delivery, Delivery::Failed(_));
            let Some(message) = self.unacknowledged.iter().find(is_failed).cloned() else { return };
            undo = Some(message);
            if matches!(command, TabCommand::Retry(..)) {
                self.handle_event(now, Event::Delivery(room, id, Delivery::Queued));
            } else {
                self.state.apply(now, self.tab, &Event::Discarded(room, id));
                // Not settled before the leader says so.
                self.forget(id);
                self.events.push_back(FollowerEvent::Client(Event::Discarded(room, id)));
            }
        }
        let number = self.next_internal();
        self.issue(now, number, command, undo);
    }

    fn issue(&mut self, now: Clocks, number: u32, command: TabCommand, undo: Option<OwnMessage>) {
        let (issued, expires) = (now.monotonic, now.unix.saturating_add(COMMAND_LIFETIME_MS));
        let log = self.state.log().to_vec();
        self.post_command(self.lease, number, expires, command.clone(), log.clone());
        self.commands.push(PendingCommand { number, command, issued, expires, log, undo });
        self.watch.handle_command(now.monotonic);
    }

    pub(super) fn post_command(
        &mut self,
        lease: u64,
        number: u32,
        expires: i64,
        command: TabCommand,
        log: Vec<u8>,
    ) {
        let account = self.record.as_ref().and_then(|record| record.account);
        let content = PostContent::Command { number, expires, command, log, account };
        self.posts.push_back(Post { tab: self.tab, lease, database: 0, content }.encode());
    }

    pub(super) fn next_internal(&mut self) -> u32 {
        self.internal = self.internal.wrapping_add(1) % INTERNAL;
        INTERNAL + self.internal
    }

    /// Tells the leader of the read cursors that have moved in this tab.
    pub(super) fn tell_cursors(&mut self, now: Clocks) {
        if self.leader.is_none() {
            return;
        }
        let told = |room: RoomId| self.told.get(&room).copied().unwrap_or_default();
        let untold = self.state.account().untold_cursors();
        let untold: Vec<_> =
            untold.filter(|(room, cursor)| told(*room).merged(*cursor) != told(*room)).collect();
        for (room, cursor) in untold {
            self.told.insert(room, cursor);
            let number = self.next_internal();
            self.issue(now, number, TabCommand::Server(Command::Read { room, cursor }), None);
        }
    }

    /// Receives the events of a room again, after its position in this tab.
    pub(super) fn subscribe(&mut self, now: Clocks, room: RoomId) {
        let position = self.position(room);
        let number = self.next_internal();
        self.issue(now, number, TabCommand::Server(Command::Subscribe { room, position }), None);
    }

    pub(super) fn position(&self, room: RoomId) -> Position {
        self.state.room(room).map(|state| Position::from_wire(&state.subscription())).unwrap_or_default()
    }

    /// Receives the events of all rooms that this tab shows again, because some were missed.
    pub(super) fn resubscribe(&mut self, now: Clocks) {
        let is_pending = |room: &RoomId| {
            let subscribes = |pending: &PendingCommand| matches!(&pending.command, TabCommand::Server(Command::Subscribe { room: of, .. }) if of == room);
            self.commands.iter().any(subscribes)
        };
        let rooms: Vec<_> = self.subscribed.iter().filter(|room| !is_pending(room)).copied().collect();
        rooms.into_iter().for_each(|room| self.subscribe(now, room));
    }

    // ---- answers

    /// The leader has answered a command of a tab.
    pub(super) fn handle_answer(
        &mut self,
        now: Clocks,
        tab: Origin,
        number: u32,
        room: RoomId,
        result: Result<wire::response::Result, Refusal>,
    ) {
        let is_pending = |pending: &PendingCommand| tab == self.tab && pending.number == number;
        let pending = self.commands.iter().position(is_pending).map(|at| self.commands.remove(at));
        let command = pending.as_ref().map(|pending| &pending.command);
        if let (Err(_), Some(TabCommand::Server(Command::Subscribe { room, .. }))) = (&result, command) {
            self.subscribed.remove(room);
        }
        let is_found = matches!(
            command,
            Some(TabCommand::Server(Command::Search { .. } | Command::ListRevisions { .. }))
        );
        let result = match result.map(|answer| events::reply(answer, is_found)) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => return,
            Err(refusal) => Err(refusal),
        };
        // An answer to a command that has failed is not applied: a late page may be of a log that was replaced. But the server has
        // ended the earlier subscription when it has made this window.
        let is_own_window =
            tab == self.tab && matches!(result, Ok(Reply::Window(_))) && self.subscribed.contains(&room);
        let origin = if pending.is_some() || is_own_window { self.tab } else { Origin::LOCAL };
        self.state.apply(now, self.tab, &Event::Answer { origin, number, room, result: result.clone() });
        if pending.is_some_and(|pending| pending.is_from_user()) {
            self.report_answer(number, room, result);
        }
    }

    fn report_answer(&mut self, number: u32, room: RoomId, result: Result<Reply, Refusal>) {
        let origin = Origin::LOCAL;
        self.events.push_back(FollowerEvent::Client(Event::Answer { origin, number, room, result }));
    }

    /// The leader has executed a command, now or before. A message among them that is not reported was acknowledged or
    /// discarded before.
    pub(super) fn handle_executed(&mut self, now: Clocks, number: u32) {
        if let Some(at) = self.commands.iter().position(|pending| pending.number == number) {
            let pending = self.commands.remove(at);
            if pending.is_from_user() {
                let done = Reply::Done { seq: 0, time: 0 };
                self.report_answer(number, pending.command.room(), Ok(done));
            }
        }
        if let Some(sent) = self.sent.iter().find(|sent| sent.number == number) {
            let (room, id) = (sent.room, sent.message.id);
            self.handle_event(now, Event::Discarded(room, id));
        }
    }

    pub(super) fn update_waiting(&mut self) {
        let is_waiting = !self.commands.is_empty() || self.sent.iter().any(SentMessage::is_waiting);
        self.watch.handle_waiting(is_waiting);
    }

    /// Sends the commands that were not answered again: to a new leader, or to the same one because its answer may be among
    /// the missed events.
    pub(super) fn repeat_commands(&mut self, now: Clocks, is_same: bool) {
        // The previous leader may have executed it, and its effect depends on the time.
        let is_lost =
            |pending: &PendingCommand| !is_same && pending.command == TabCommand::Server(Command::ReadAll);
        let lost: Vec<_> = self.commands.extract_if(.., |pending| is_lost(pending)).collect();
        lost.into_iter().for_each(|pending| self.fail(now, pending));
        for pending in self.commands.clone() {
            let PendingCommand { number, expires, mut command, mut log, .. } = pending;
            if let TabCommand::Server(Command::Subscribe { room, position }) = &mut command {
                *position = self.position(*room);
                log = self.state.log().to_vec();
            }
            self.post_command(self.lease, number, expires, command, log);
        }
    }

    /// Reports the commands that were not answered in time, and undoes their effect.
    pub(super) fn fail_overdue(&mut self, now: Clocks) {
        if self.find_overdue(now.monotonic) {
            self.events.push_back(FollowerEvent::CommandFailed(Status::TabUnresponsive));
        }
        let is_overdue = |pending: &mut PendingCommand| now.monotonic >= pending.overdue_at();
        let overdue: Vec<_> = self.commands.extract_if(.., is_overdue).collect();
        overdue.into_iter().for_each(|pending| self.fail(now, pending));
        self.update_waiting();
    }

    /// A command was not executed, as far as it is known.
    pub(super) fn fail(&mut self, now: Clocks, pending: PendingCommand) {
        if let Some(message) = &pending.undo {
            self.handle_event(now, Event::Own(message.clone()));
        }
        let status = Status::TabUnresponsive;
        match &pending.command {
            TabCommand::Server(command) => {
                if let Command::Read { room, .. } = command {
                    // It is told again.
                    self.told.remove(room);
                }
                if pending.is_from_user() {
                    let refusal = Refusal { status, text: String::new(), suggestion: None, retry_after: 0 };
                    self.report_answer(pending.number, command.room(), Err(refusal));
                }
            }
            _ => self.events.push_back(FollowerEvent::CommandFailed(status)),
        }
    }
}
