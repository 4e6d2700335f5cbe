//! What the user does in a follower: each message and command is sent to the leader until it is answered, or is executed in
//! this tab when it becomes the leader.

use super::{Follower, FollowerEvent};
use crate::{
    Clocks, Millis,
    client::{
        Command, Event, Origin, OwnMessage, Position, Reply,
        tabs::{
            events,
            post::{Post, PostContent, TabCommand},
        },
    },
    limits::LANE_MESSAGES,
    model::{Delivery, Dialect, MessageId, Refusal, RoomId},
    persist::{Change, queue},
    send_queue::{self, QueuedMessage, Stage},
    status::Status,
    validate, wire,
};

/// A command that the leader has not executed after this time has failed, and the user is notified. Longer than the time
/// after which a visible follower takes the leadership over and executes the command itself.
pub const COMMAND_TIMEOUT_MS: Millis = 10_000;
/// As [`COMMAND_TIMEOUT_MS`] for a command that the server has to answer, which the leader waits for as long.
const ANSWER_TIMEOUT_MS: Millis = 2 * COMMAND_TIMEOUT_MS;
/// A leader does not execute a command that is older than this, because the user may be told that it has failed.
const COMMAND_LIFETIME_MS: i64 = 8_000;
/// The first number of the commands that a follower gives itself. Those of the user interface are smaller.
const INTERNAL: u32 = 1 << 31;

/// A message that the user has sent in a follower.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowerMessage {
    /// The number of the command that sends it.
    number: u32,
    /// The change that persists it, to be made first.
    pub change: Change,
    /// The room and the message, for [`Client::handle_adopt`](crate::client::Client::handle_adopt), in case this tab has
    /// become the leader.
    pub message: (RoomId, QueuedMessage),
}

/// A message of this follower that the leader has not reported yet.
#[derive(Debug)]
pub(super) struct UnreportedMessage {
    pub(super) number: u32,
    pub(super) room: RoomId,
    pub(super) message: QueuedMessage,
    issued: Millis,
    /// The device has stored it, or has failed to.
    pub(super) is_stored: bool,
    /// The user was told that it waits for another tab.
    is_overdue: bool,
}

impl UnreportedMessage {
    /// The change that deletes it from the device.
    pub fn deletion(&self) -> Change {
        queue::delete(self.room, self.message.id)
    }

    pub fn overdue_at(&self) -> Option<Millis> {
        (!self.is_overdue).then(|| self.issued + COMMAND_TIMEOUT_MS)
    }
}

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
    // ---- messages

    /// Sends a message. It is reported at once; then it is the next of [`poll_unpersisted`](Self::poll_unpersisted). `id` must be
    /// new.
    ///
    /// # Errors
    /// As [`Client::handle_send`](crate::client::Client::handle_send).
    pub fn handle_send(
        &mut self,
        now: Clocks,
        room: RoomId,
        id: MessageId,
        text: &str,
    ) -> Result<(), Status> {
        let Some(identity) = self.identity() else { return Err(Status::NotConnected) };
        let text = validate::content(text, &identity.limits)?;
        if identity.dialect == Dialect::Basic {
            if room != RoomId::LOBBY {
                return Err(Status::NotOnThisServer);
            }
            if validate::excess_bytes(identity, text) > 0 {
                return Err(Status::ContentTooLong);
            }
        }
        if self.unacknowledged.iter().filter(|message| message.room == room).count() >= LANE_MESSAGES {
            return Err(Status::QueueFull);
        }
        let order = send_queue::order_after(self.last_order, now.unix);
        let message = QueuedMessage::new(id, text.into(), now.unix, order, Stage::Queued);
        let (content, time, delivery) = (message.content.clone(), message.time, Delivery::Queued);
        self.handle_event(now, Event::Own(OwnMessage { room, id, content, time, order, delivery }));
        self.forward(now, room, message);
        Ok(())
    }

    /// Prepares a message for the leader.
    pub(super) fn forward(&mut self, now: Clocks, room: RoomId, message: QueuedMessage) {
        let number = self.next_internal();
        let change = queue::put(room, &message);
        self.unpersisted.push_back(FollowerMessage { number, change, message: (room, message.clone()) });
        let (issued, is_stored, is_overdue) = (now.monotonic, false, false);
        self.unreported.push(UnreportedMessage { number, room, message, issued, is_stored, is_overdue });
        self.watch.handle_command(now.monotonic);
    }

    /// The next message that is to be persisted, and then to be passed to [`handle_stored`](Self::handle_stored): of
    /// [`handle_send`](Self::handle_send), or of the time when this tab was the leader, if the device may have refused it.
    ///
    /// `None` before it is known that the leader is logged in to the account of this tab. Another tab may have logged out, and in
    /// again under the same nick, while this one was suspended; then the message must not get into the queue of that account.
    pub fn poll_unpersisted(&mut self) -> Option<FollowerMessage> {
        self.leader?;
        self.unpersisted.pop_front()
    }

    /// The next change of the device after a logout. The leader has deleted everything of the account there, but a message of
    /// this tab may have been persisted after that.
    pub fn poll_deletion(&mut self) -> Option<Change> {
        self.deletions.pop()
    }

    /// A message of [`poll_unpersisted`](Self::poll_unpersisted) was persisted, or that has failed: the leader is told now. Also if the
    /// message was acknowledged meanwhile, so that the leader deletes it on the device.
    pub fn handle_stored(&mut self, stored: FollowerMessage) {
        let FollowerMessage { number, message: (room, message), .. } = stored;
        if let Some(unreported) = self.unreported.iter_mut().find(|unreported| unreported.number == number) {
            unreported.is_stored = true;
        }
        self.post_send(number, room, message);
    }

    fn post_send(&mut self, number: u32, room: RoomId, message: QueuedMessage) {
        // For any leader, at any time: the id is known to one that has it.
        let log = self.state.log().to_vec();
        self.post_command(0, number, i64::MAX, TabCommand::Send(room, message), log);
    }

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
                self.forget_unacknowledged(id);
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

    fn post_command(&mut self, lease: u64, number: u32, expires: i64, command: TabCommand, log: Vec<u8>) {
        let content = PostContent::Command { number, expires, command, log };
        self.posts.push_back(Post { tab: self.tab, lease, database: 0, content }.encode());
    }

    fn next_internal(&mut self) -> u32 {
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
        let is_search = matches!(command, Some(TabCommand::Server(Command::Search { .. })));
        let result = match result.map(|answer| events::reply(answer, is_search)) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => return,
            Err(refusal) => Err(refusal),
        };
        // An answer to a command that has failed is not applied either: a late page may be of a log that was replaced.
        let origin = if pending.is_some() { self.tab } else { Origin::LOCAL };
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
        if let Some(unreported) = self.unreported.iter().find(|unreported| unreported.number == number) {
            let (room, id) = (unreported.room, unreported.message.id);
            self.handle_event(now, Event::Discarded(room, id));
        }
    }

    pub(super) fn update_waiting(&mut self) {
        let is_waiting =
            !self.commands.is_empty() || self.unreported.iter().any(|unreported| !unreported.is_overdue);
        self.watch.handle_waiting(is_waiting);
    }

    /// Sends the commands that were not answered again: to a new leader, or to the same one because its answer may be among
    /// the missed events.
    pub(super) fn repeat_commands(&mut self, now: Clocks, is_same: bool) {
        let sends = self.unreported.iter().filter(|unreported| unreported.is_stored);
        let sends: Vec<_> = sends
            .map(|unreported| (unreported.number, unreported.room, unreported.message.clone()))
            .collect();
        sends.into_iter().for_each(|(number, room, message)| self.post_send(number, room, message));
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
        let mut is_any_overdue = false;
        for unreported in &mut self.unreported {
            if unreported.overdue_at().is_some_and(|at| now.monotonic >= at) {
                unreported.is_overdue = true;
                is_any_overdue = true;
            }
        }
        if is_any_overdue {
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
