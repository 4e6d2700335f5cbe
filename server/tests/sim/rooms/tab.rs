//! A tab of a device: its role, its input, and what it shows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlour_core::{
    Millis,
    client::{
        Client, Command, Event, Origin, Reply,
        cursor::Cursor,
        state::{Change, ClientState},
        tabs::{Follower, FollowerMessage, Gate, Leader, TabCommand},
    },
    left_sessions::LeftSessions,
    model::{self, Connection, Delivery, Message, MessageId, Refusal, RoomId, UserId},
    persist::Stored,
    timeline::{RowKind, Timeline},
};

use crate::network::Link;

/// The timers of a hidden tab fire at multiples of this time, in ms.
const HIDDEN_TIMER_MS: Millis = 1_000;

/// The role of a tab.
pub enum Role {
    /// Closed, or it shows the login page.
    Closed,
    Follower(Box<Follower>),
    /// Has the lock and reads the device. With the messages of other tabs that it has received meanwhile.
    Promoting(Box<Follower>, Vec<Vec<u8>>),
    Leader(Box<Leader>, Box<Client>),
}

/// The input of a tab, in order.
pub enum Input {
    Channel(Vec<u8>),
    Granted,
    Lost,
    /// The browser refuses the lock.
    Refused,
    /// The result of a lock check.
    Checked(bool),
    /// The device was read by a tab that becomes the leader, or could not be. With the requested lease number and the
    /// recorded one.
    Read {
        lease: u64,
        recorded: u64,
        stored: Option<Box<Stored>>,
    },
    /// The changes of the client with this number were written, could not be, or were refused because of the lease.
    Written {
        client: u64,
        ticket: u64,
        is_refused: bool,
    },
    Stored(Box<FollowerMessage>),
    /// A message of a follower was not written: the device has another leader.
    Superseded(Box<FollowerMessage>),
    Socket(u64, SocketEvent),
    Timer,
    User(Action),
    /// A command of the time when the tab was a follower.
    Execute(u32, TabCommand),
}

pub enum SocketEvent {
    Opened,
    Message(Vec<u8>),
    Closed(u16),
}

/// What a user does in a tab.
#[derive(Debug)]
pub enum Action {
    Send(RoomId, MessageId, String),
    Server(Command),
    Tab(TabCommand),
    Open(RoomId),
    /// The messages of the open room up to this ord are on the screen.
    See(RoomId, u64),
    MarkRead(RoomId),
    MarkUnread(RoomId, u64),
    LogOut,
}

/// A tab.
pub struct Tab {
    pub device: usize,
    /// The number of its user, who is logged in, logs in, or was logged in last.
    pub user: usize,
    /// The account that is logged in.
    pub account: Option<UserId>,
    /// The nick that the user has typed.
    pub nick: String,
    /// The scope of the account. Empty while the login page is shown.
    pub scope: String,
    /// The table of scopes has had the scope since the tab joined it, or its account logged in.
    pub was_listed: bool,
    /// The user typed the nick, so a login is allowed although the device has no account.
    pub is_new_login: bool,
    /// The code that the user typed instead of a nick.
    pub link_code: Option<String>,
    /// The sessions that users of the tab have left on this server.
    pub left: (usize, LeftSessions),
    /// The nick that its last user had, unless the server has refused it.
    pub last_nick: Option<String>,
    /// Nobody is logged in any more; the last events follow.
    pub is_over: bool,
    /// It has stolen a lock since it was opened.
    pub has_stolen: bool,
    /// Incremented with each login and logout.
    pub page: u64,
    pub origin: Origin,
    pub role: Role,
    /// Incremented with each client.
    pub client_number: u64,
    pub gate: Gate<Input>,
    pub lease: u64,
    /// When it got the lock.
    pub granted_at: Millis,
    pub link: Option<Link>,
    /// The number of the socket, which its late events carry.
    pub socket: u64,
    pub inbox: VecDeque<(Millis, Input)>,
    /// Nothing runs in the tab before this time.
    pub hung_until: Millis,
    /// The time since which it is open, hangs, or is visible or hidden, whichever is last.
    pub steady_since: Millis,
    pub is_visible: bool,
    /// A follower is visible until this time, and what the client was told last.
    pub follower_visible_until: Millis,
    pub reported_visible: Option<bool>,
    /// The time at which the user opens the tab or logs in again, or connects again.
    pub open_at: Option<Millis>,
    pub connect_at: Option<Millis>,
    /// The rooms that the tab shows, and the open one.
    pub rooms: BTreeSet<RoomId>,
    pub open: Option<RoomId>,
    pub shown: Shown,
    /// The commands that were not answered, and when they were given.
    pub commands: BTreeMap<u32, (Command, Millis)>,
    /// The answers that the checks wait for.
    pub answers: BTreeMap<u32, Result<Reply, Refusal>>,
}

impl Tab {
    pub fn new(device: usize, user: usize) -> Self {
        Self {
            device,
            user,
            account: None,
            nick: String::new(),
            scope: String::new(),
            was_listed: false,
            is_new_login: false,
            link_code: None,
            left: (0, LeftSessions::default()),
            last_nick: None,
            is_over: false,
            has_stolen: false,
            page: 0,
            origin: Origin(1),
            role: Role::Closed,
            client_number: 0,
            gate: Gate::default(),
            lease: 0,
            granted_at: 0,
            link: None,
            socket: 0,
            inbox: VecDeque::new(),
            hung_until: 0,
            steady_since: 0,
            is_visible: true,
            follower_visible_until: 0,
            reported_visible: None,
            open_at: None,
            connect_at: None,
            rooms: BTreeSet::new(),
            open: None,
            shown: Shown::default(),
            commands: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// An input arrives at this time, after those before it.
    pub fn deliver(&mut self, due: Millis, input: Input) {
        let due = due.max(self.inbox.back().map_or(0, |(due, _)| *due));
        self.inbox.push_back((due, input));
    }

    pub fn is_open(&self) -> bool {
        !matches!(self.role, Role::Closed)
    }

    /// Forgets everything but what belongs to the page, because the tab is closed or its user has logged out.
    pub fn closed(&mut self, page: u64) {
        self.page = page;
        (self.open, self.reported_visible, self.connect_at, self.account) = (None, None, None, None);
        self.socket += 1;
        self.client_number += 1;
        self.gate = Gate::default();
        self.inbox.clear();
        self.rooms.clear();
        self.commands.clear();
    }

    /// The nick that the tab shows, or the one that its user has typed.
    pub fn shown_nick(&self) -> String {
        let shown = self.state().map(|state| state.account().nick().to_string());
        shown.filter(|nick| !nick.is_empty()).unwrap_or_else(|| self.nick.clone())
    }

    /// The account that is logged in. The client knows it before it reports it.
    pub fn client_account(&self) -> Option<UserId> {
        match &self.role {
            Role::Leader(_, client) => client.account().or(self.account),
            _ => self.account,
        }
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(..))
    }

    pub fn is_online(&self) -> bool {
        self.is_open() && matches!(self.shown.connection, Connection::Online { .. })
    }

    pub fn state(&self) -> Option<&ClientState> {
        match &self.role {
            Role::Follower(follower) | Role::Promoting(follower, _) => Some(follower.state()),
            Role::Leader(_, client) => Some(client.state()),
            Role::Closed => None,
        }
    }

    /// The rooms that it shows and may show: with a restored log, the account may only be invited to a room again.
    pub fn readable_rooms(&self) -> impl Iterator<Item = RoomId> {
        let list = self.state().map(ClientState::account);
        let role = move |room: RoomId| Some(list?.room(room)?.role);
        self.rooms
            .iter()
            .copied()
            .filter(move |room| role(*room).is_none_or(|role| role != model::Role::Invited))
    }

    /// Returns `true` if the user can do something in it.
    pub fn is_usable(&self, now: Millis) -> bool {
        self.hung_until <= now && self.state().is_some_and(|state| state.me().is_some())
    }

    /// The time at which the timer of its role is due.
    pub fn timer(&self) -> Option<Millis> {
        let due = match &self.role {
            Role::Follower(follower) => follower.poll_timeout(),
            Role::Leader(_, client) => client.poll_timeout(),
            Role::Promoting(..) | Role::Closed => None,
        }?;
        // Browsers delay the timers of hidden tabs.
        Some(if self.is_visible { due } else { due.next_multiple_of(HIDDEN_TIMER_MS) })
    }

    /// The time at which something is due in the tab.
    pub fn due(&self) -> Option<Millis> {
        let inbox = self.inbox.front().map(|(due, _)| *due);
        let received = self.link.as_ref().and_then(|link| link.due()[1]);
        let due = [self.timer(), inbox, received, self.open_at, self.connect_at].into_iter().flatten().min();
        due.map(|due| due.max(self.hung_until))
    }
}

/// What a tab shows.
pub struct Shown {
    pub timelines: BTreeMap<RoomId, Timeline>,
    pub connection: Connection,
    /// The cursors, which never move back, except with a new log or in a room that was left.
    cursors: BTreeMap<RoomId, Cursor>,
    log: Vec<u8>,
    pub complaints: Vec<String>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            timelines: BTreeMap::new(),
            connection: Connection::Connecting,
            cursors: BTreeMap::new(),
            log: Vec::new(),
            complaints: Vec::new(),
        }
    }
}

impl Shown {
    /// Shows the changes of the state. Returns the rooms that are not in the list any more.
    pub fn apply(&mut self, state: &mut ClientState) -> Vec<RoomId> {
        let mut removed = Vec::new();
        while let Some(change) = state.poll_change() {
            match change {
                Change::Timeline(room, update) => {
                    self.timelines.entry(room).or_insert_with(timeline).apply(update);
                }
                Change::Removed(room) => {
                    self.timelines.remove(&room);
                    removed.push(room);
                }
                Change::Account => self.check_cursors(state),
                Change::Room(_) | Change::Event(..) | Change::Person(_) => {}
            }
        }
        removed
    }

    fn check_cursors(&mut self, state: &ClientState) {
        if self.log != state.log() {
            self.log = state.log().to_vec();
            self.cursors.clear();
        }
        let cursors: BTreeMap<_, _> =
            state.account().rooms().map(|entry| (entry.room, entry.cursor())).collect();
        for (room, cursor) in &cursors {
            if let Some(before) = self.cursors.get(room).filter(|before| *before > cursor) {
                self.complaints.push(format!("the cursor of {room:?} moves from {before:?} to {cursor:?}"));
            }
        }
        self.cursors = cursors;
    }

    /// The messages that are shown in a room.
    pub fn messages(&self, room: RoomId) -> Vec<Message> {
        let Some(timeline) = self.timelines.get(&room) else { return Vec::new() };
        let message = |kind: RowKind| match kind {
            RowKind::Message { message, .. } => Some(message),
            _ => None,
        };
        timeline.rows().filter_map(|row| message(row.kind)).collect()
    }

    /// The newest acknowledged messages of a room, for the device.
    pub fn newest(&self, room: RoomId, count: usize) -> Vec<Message> {
        let mut messages = self.messages(room);
        messages.retain(|message| message.delivery == Delivery::Sent);
        messages.split_off(messages.len().saturating_sub(count))
    }

    pub fn event(&mut self, event: &Event) {
        if let Event::Connection(connection) = event {
            self.connection = connection.clone();
        }
    }
}

/// An empty timeline.
pub fn timeline() -> Timeline {
    Timeline::new(10_000, |_| 0)
}
