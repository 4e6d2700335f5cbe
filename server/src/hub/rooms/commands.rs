//! Commands of clients: from an operation on the wire to a plan that the hub carries out.
//!
//! [`plan`] is the table of operations, one line each: its rule and the function that makes the plan (`operations`). A new
//! operation is a line here and a function there. Planning changes nothing, so a command is either refused or carried out;
//! each is answered once.

use parlour_core::{
    limits::Limits,
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    status::Status,
    wire::{self, client_command::Operation},
};

use super::{Rooms, cursor::Cursor, operations};
use crate::{
    hub::connection_table::ConnectionId,
    policy::{Action, allows},
    store::{Change, PageStart, Target},
};

/// The rate limit that a command counts against, beside that of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// No other: the command is cheap and concerns only its account.
    Control,
    /// Queries to the log, of the account and of its address.
    Query,
    /// The same; but of queries without a result, searches have bounds of their own.
    Search,
    /// Changes of accounts and rooms, of the account and of its address.
    Change,
}

/// What is checked of every command of an operation.
#[derive(Debug, Clone, Copy)]
struct Rule {
    rate: Rate,
    /// The operation changes a log, so the command needs an id.
    needs_id: bool,
}

const CONTROL: Rule = Rule { rate: Rate::Control, needs_id: false };
const QUERY: Rule = Rule { rate: Rate::Query, needs_id: false };
const SEARCH: Rule = Rule { rate: Rate::Search, needs_id: false };
const CHANGE: Rule = Rule { rate: Rate::Change, needs_id: true };
/// Changes something that is no event of a log.
const OTHER_CHANGE: Rule = Rule { rate: Rate::Change, needs_id: false };

/// Plans a command: its rate limit, and what is to be done.
///
/// # Errors
/// The reason why it is refused.
pub fn plan(context: &Context<'_>, operation: Operation) -> Result<(Rate, Plan), Status> {
    match operation {
        Operation::Subscribe(op) => QUERY.plan(context, op, operations::subscribe),
        Operation::Unsubscribe(op) => CONTROL.plan(context, op, operations::unsubscribe),
        Operation::Page(op) => QUERY.plan(context, op, operations::page),
        Operation::Search(op) => SEARCH.plan(context, op, operations::search),
        Operation::Read(op) => CONTROL.plan(context, op, operations::read),
        Operation::ReadAll(op) => CONTROL.plan(context, op, operations::read_all),
        Operation::CreateRoom(op) => CHANGE.plan(context, op, operations::create_room),
        Operation::BrowseRooms(op) => QUERY.plan(context, op, operations::browse_rooms),
        Operation::Join(op) => CHANGE.plan(context, op, operations::join),
        Operation::Leave(op) => CHANGE.plan(context, op, operations::leave),
        Operation::ChangeRoom(op) => CHANGE.plan(context, op, operations::change_room),
        Operation::ChangeMember(op) => CHANGE.plan(context, op, operations::change_member),
        Operation::ListMembers(op) => QUERY.plan(context, op, operations::list_members),
        Operation::FindPeople(op) => QUERY.plan(context, op, operations::find_people),
        Operation::ChangeNick(op) => CHANGE.plan(context, op, operations::change_nick),
        Operation::RoomSettings(op) => OTHER_CHANGE.plan(context, op, operations::room_settings),
        Operation::LinkDevice(op) => OTHER_CHANGE.plan(context, op, operations::link_device),
        Operation::ChangeMessage(op) => CHANGE.plan(context, op, operations::change_message),
        Operation::ListRevisions(op) => QUERY.plan(context, op, operations::list_revisions),
        Operation::React(op) => CHANGE.plan(context, op, operations::react),
        Operation::ListReactions(op) => QUERY.plan(context, op, operations::list_reactions),
    }
}

impl Rule {
    fn plan<Op>(
        self,
        context: &Context<'_>,
        operation: Op,
        make: fn(&Context<'_>, Op) -> Result<Plan, Status>,
    ) -> Result<(Rate, Plan), Status> {
        if self.needs_id && context.id.is_none() {
            return Err(Status::BadMessageId);
        }
        Ok((self.rate, make(context, operation)?))
    }
}

/// What is to be done for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Propose a change to the log, with the id of the command.
    Propose(Change),
    /// Take another nick. Whether it may be taken from another account depends on the sessions.
    TakeNick(String),
    /// Subscribe to the room of the command, and read its state after a position.
    Subscribe(Position),
    /// Read from the log.
    Read(Reading),
    /// Change what only the account owns.
    Own(OwnChange),
}

/// The position of a client in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// It has all events up to this one; 0 if it has none.
    pub seq: u64,
    /// The id of the message there, if the client knows it.
    pub id: Option<MessageId>,
}

/// A reading of the log for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Messages of the room.
    Page(PageStart, usize),
    /// Messages of the room with these words, older than an ord (0 for the newest).
    Search(String, u64, usize),
    /// Texts that a message of the room has had.
    Revisions(Target),
    /// The people who have reacted to a message of the room with an emoji.
    Reactions(Target, String),
    /// PUBLIC rooms whose name contains a text, after a name.
    Browse(String, String, usize),
    /// Members of the room whose nick begins with a prefix, after a nick.
    Members(String, String, usize),
    /// People whose nick begins with a prefix.
    People(String, usize),
}

/// A change of what only one account owns. It is carried out at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnChange {
    /// End the subscription to the room.
    Unsubscribe,
    /// Move the read cursor of the room.
    Read(Cursor),
    /// Move all read cursors to the newest messages.
    ReadAll,
    /// Mute the room, or not any more.
    Mute(bool),
    /// Make a code that logs another device in.
    LinkDevice,
}

/// The sender of a command and what it refers to.
#[derive(Debug)]
pub struct Context<'a> {
    /// The rooms of the hub.
    pub rooms: &'a Rooms,
    /// The limits of the server.
    pub limits: &'a Limits,
    /// The connection.
    pub conn: ConnectionId,
    /// The account.
    pub account: UserId,
    /// The room that the command names.
    pub room: RoomId,
    /// The id of the command.
    pub id: Option<MessageId>,
}

impl<'a> Context<'a> {
    /// The context of a command.
    ///
    /// # Errors
    /// [`Status::NoSuchRoom`] and [`Status::BadMessageId`] for ids that are not valid.
    pub fn new(
        rooms: &'a Rooms,
        limits: &'a Limits,
        (conn, account): (ConnectionId, UserId),
        command: &wire::ClientCommand,
    ) -> Result<Self, Status> {
        let room = RoomId::from_wire(&command.room).ok_or(Status::NoSuchRoom)?;
        let id = match command.id.as_slice() {
            [] => None,
            id => Some(MessageId::from_wire(id).ok_or(Status::BadMessageId)?),
        };
        Ok(Self { rooms, limits, conn, account, room, id })
    }

    /// Checks that the account may read the room. This check is the only one: the log answers everybody.
    pub(super) fn may_read(&self) -> Result<(), Status> {
        match self.rooms.role(self.conn, self.room) {
            Some((role, kind, archived)) => allows(role, kind, archived, Action::Read),
            // Not in the account's list. So it is no member, and must not learn whether there is such a room.
            None => Err(Status::NoSuchRoom),
        }
    }

    /// Checks an action on the room, as far as the hub knows it; the log checks it at its place. An account proposes changes
    /// also of rooms that are not in its list, such as one that it joins.
    pub(super) fn may(&self, action: Action) -> Result<(), Status> {
        match self.rooms.role(self.conn, self.room) {
            Some((role, kind, archived)) => allows(role, kind, archived, action),
            None => Ok(()),
        }
    }
}

impl Rooms {
    /// The role of a connection's account in a room of its list, and what else decides about actions there.
    #[must_use]
    pub fn role(&self, conn: ConnectionId, room: RoomId) -> Option<(Role, RoomKind, bool)> {
        let account = self.viewers.get(conn)?.account;
        let key = self.live.key(room)?;
        let own = self.lists.room(account, key)?;
        let state = self.live.state(key)?;
        Some((own.role, state.kind, state.archived))
    }
}
