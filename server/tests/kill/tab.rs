//! A tab: a client on a real socket with a device's storage, on its own thread.

mod state;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, TryRecvError},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parlour_core::{
    Clocks, Millis,
    client::{Client, Command, Event, Origin, Output, PageStart, Reply},
    model::{Connection, MessageId, RoomId},
    status::Status,
};

pub use self::state::State;
use super::{
    common::{Message, Socket},
    device::Device,
    rng::Rng,
};

/// The longest time between two checks for orders, in ms.
const ORDER_INTERVAL_MS: Millis = 25;
/// The time after which a user connects again after a failure, in ms.
const RETRY_MS: Millis = 500;
/// The number of messages or members that are requested at once.
const PAGE_ENTRIES: u32 = 100;
/// The shortest and the longest pause between two messages of a user, in ms.
const PAUSE_MS: (Millis, Millis) = (150, 1_000);

/// An order to a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Send messages all the time, or stop.
    Send(bool),
    /// Load gaps, as when a user scrolls up.
    Load,
    /// The browser is online again.
    Wake,
    /// Close without notice, and open again with the device's storage.
    Reload,
    /// Log out.
    Exit,
    /// End.
    End,
}

/// The tab.
pub struct Tab {
    device: Device,
    socket: Option<Socket>,
    address: SocketAddr,
    begun: Instant,
    rng: Rng,
    state: Arc<Mutex<State>>,
    refused: usize,
    sent: u64,
    /// The number of the last command.
    number: u32,
    /// The tab has subscribed to the lobby.
    is_subscribed: bool,
    /// The commands that were not answered.
    subscribing: Option<u32>,
    loading: Option<u32>,
    listing: Option<u32>,
    /// Additional bytes of each message.
    padding: usize,
    /// The time at which to send the next message.
    send_at: Option<Millis>,
    loads_gaps: bool,
}

impl Tab {
    pub fn new(
        number: usize,
        address: SocketAddr,
        seed: u64,
        padding: usize,
        state: Arc<Mutex<State>>,
    ) -> Self {
        Self {
            device: Device::new(number),
            socket: None,
            address,
            begun: Instant::now(),
            rng: Rng(seed),
            state,
            refused: 0,
            sent: 0,
            number: 0,
            is_subscribed: false,
            subscribing: None,
            loading: None,
            listing: None,
            padding,
            send_at: None,
            loads_gaps: false,
        }
    }

    /// Runs until it is ordered to end. While the returned socket is open, the server does not notice the
    /// end.
    pub fn run(mut self, orders: &Receiver<Order>) -> (Device, Option<Socket>) {
        self.open();
        loop {
            let order = match orders.try_recv() {
                Ok(order) => Some(order),
                Err(TryRecvError::Empty) => self.step(orders),
                Err(TryRecvError::Disconnected) => Some(Order::End),
            };
            match order {
                Some(Order::End) => return (self.device, self.socket),
                Some(order) => self.execute(order),
                None => {}
            }
            self.publish_state();
        }
    }

    fn execute(&mut self, order: Order) {
        match order {
            Order::Send(true) => self.send_at = Some(self.now().monotonic + self.rng.below(PAUSE_MS.1)),
            Order::Send(false) => self.send_at = None,
            Order::Load => self.loads_gaps = true,
            Order::Wake => self.act(Client::handle_wake),
            Order::Reload => {
                self.device.close_tab();
                self.socket = None;
                self.open();
            }
            Order::Exit => self.act(Client::handle_log_out),
            Order::End => {}
        }
    }

    fn publish_state(&self) {
        let device = &self.device;
        let mut state = self.state.lock().unwrap();
        let online = device.is_online();
        if online && !state.online {
            state.since = Some(Instant::now());
        }
        *state = State {
            online,
            connection: device.view.connection.clone(),
            complaints: device.view.complaints.clone(),
            since: state.since,
            members: if device.view.members_after.is_none() { device.view.members.len() } else { 0 },
            sent: device.ledger.sent.len(),
            acknowledged: device.ledger.acknowledged.len(),
            gaps: device.gaps().len(),
            settling: self.loads_gaps && self.send_at.is_none(),
            queued_messages: if self.loads_gaps { device.queued_messages().len() } else { 0 },
            newest: device.newest(),
            refused: self.refused,
        };
    }

    fn now(&self) -> Clocks {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Clocks {
            monotonic: u64::try_from(self.begun.elapsed().as_millis()).unwrap(),
            unix: i64::try_from(unix).unwrap(),
        }
    }

    /// Opens the tab, which logs in.
    fn open(&mut self) {
        let mut secret = [0; 16];
        self.rng.fill(&mut secret);
        self.device.open_tab(self.rng.next(), secret);
        self.is_subscribed = false;
        (self.subscribing, self.loading, self.listing) = (None, None, None);
        self.connect();
    }

    /// Connects for the first time, or again after a failure.
    fn connect(&mut self) {
        self.device.open_at = None;
        self.act(|client, now| {
            if client.identity().is_none() {
                client.handle_connect(now).unwrap();
            } else if client.handle_connect(now).is_err() {
                client.handle_reconnect(now);
            }
        });
        self.request_what_is_missing();
    }

    fn act(&mut self, act: impl FnOnce(&mut Client, Clocks)) {
        let now = self.now();
        if let Some(client) = &mut self.device.client {
            act(client, now);
        }
        self.drain();
    }

    /// Gives a command, under the next number.
    fn give(&mut self, command: Command) {
        self.number += 1;
        let number = self.number;
        self.act(|client, now| client.handle_command(now, Origin::LOCAL, number, command));
    }

    /// Requests the events of the lobby, the members, and the messages that are not shown.
    fn request_what_is_missing(&mut self) {
        let Some(client) = &self.device.client else { return };
        // A position that is known before the login is part of it.
        let can_subscribe = client.account().is_some() && !client.is_logged_out();
        let is_missing = !self.is_subscribed || self.device.is_online() && self.device.is_interrupted();
        if can_subscribe && is_missing && self.subscribing.is_none() {
            self.is_subscribed = true;
            self.subscribing = Some(self.number + 1);
            let command = self.device.subscribe();
            self.give(command);
        }
        if !self.device.is_online() {
            return;
        }
        let (room, count) = (RoomId::LOBBY, PAGE_ENTRIES);
        if self.listing.is_none()
            && let Some(after) = self.device.view.members_after.clone()
        {
            self.listing = Some(self.number + 1);
            self.give(Command::ListMembers { room, prefix: String::new(), after, count });
        }
        if self.loads_gaps
            && self.loading.is_none()
            && let Some(state) = self.device.gaps().last()
        {
            self.loading = Some(self.number + 1);
            self.give(Command::LoadPage { room, start: PageStart::Before(state.gap.to + 1), count });
        }
    }

    /// Waits for the next event and handles it, or returns an order.
    fn step(&mut self, orders: &Receiver<Order>) -> Option<Order> {
        let now = self.now().monotonic;
        let due = self.device.client.as_ref().and_then(Client::poll_timeout);
        let next = [due, self.send_at, self.device.open_at, self.device.write_at].into_iter().flatten().min();
        let wait = next.unwrap_or(Millis::MAX).saturating_sub(now).clamp(1, ORDER_INTERVAL_MS);
        let wait = Duration::from_millis(wait);
        match &mut self.socket {
            Some(socket) => {
                let next = socket.next(wait);
                self.handle_input(next);
            }
            None => {
                if let Ok(order) = orders.recv_timeout(wait) {
                    return Some(order);
                }
            }
        }
        let now = self.now().monotonic;
        if self.device.client.as_ref().and_then(Client::poll_timeout).is_some_and(|due| due <= now) {
            self.act(Client::handle_timeout);
        }
        self.device.write(now, Vec::new());
        if self.device.open_at.is_some_and(|at| at <= now) {
            self.connect();
        }
        if self.send_at.is_some_and(|at| at <= now) {
            self.send_at = Some(now + PAUSE_MS.0 + self.rng.below(PAUSE_MS.1 - PAUSE_MS.0));
            self.send_message();
        }
        self.request_what_is_missing();
        None
    }

    fn handle_input(&mut self, input: std::io::Result<Message>) {
        match input {
            Ok(Message::Data(_, bytes)) => self.act(|client, now| client.handle_message(now, &bytes)),
            Ok(Message::Ping(payload)) => {
                if self.socket.as_mut().is_some_and(|socket| socket.send(10, &payload).is_err()) {
                    self.closed(1006);
                }
            }
            Ok(Message::Pong(_)) => {}
            Ok(Message::Close(code)) => self.closed(code.unwrap_or(1005)),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
            Ok(Message::End) | Err(_) => self.closed(1006),
        }
    }

    fn closed(&mut self, code: u16) {
        self.socket = None;
        self.act(|client, now| client.handle_closed(now, code));
    }

    fn send_message(&mut self) {
        self.sent += 1;
        let text = format!("message {} of {} {}", self.sent, self.device.nick, "~".repeat(self.padding));
        let now = self.now();
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        let id = MessageId::new(u64::try_from(now.unix).unwrap(), random);
        let Some(client) = &mut self.device.client else { return };
        if client.handle_send(now, RoomId::LOBBY, id, &text).is_ok() {
            self.device.ledger.sent.push(id);
        }
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            self.device.show_changes(self.now().monotonic);
            let Some(client) = &mut self.device.client else { return };
            if let Some(output) = client.poll_output() {
                self.execute_output(output);
            } else if let Some(event) = client.poll_event() {
                self.handle_event(event);
            } else {
                return;
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        match &event {
            Event::Throttled(_, Status::LogUnavailable, _) => self.refused += 1,
            Event::Connection(Connection::Failed { status, .. }) => {
                // The nick may still belong to a tab that was closed after its user had left, without the server noticing.
                let is_first = self.device.client.as_ref().is_some_and(|client| client.identity().is_none());
                if status.is_terminal() && !(is_first && *status == Status::NickTaken) {
                    self.device.view.complaints.push(format!("the connection failed: {status}"));
                } else {
                    self.device.open_at = Some(self.now().monotonic + RETRY_MS);
                }
            }
            // The list that is being loaded may lack what has changed meanwhile.
            Event::Connection(Connection::Online { .. }) => self.listing = None,
            Event::Unsubscribed(RoomId::LOBBY) => self.is_subscribed = false,
            Event::Answer { number, result, .. } => {
                let number = Some(*number);
                if self.subscribing.take_if(|waiting| Some(*waiting) == number).is_some() {
                    self.is_subscribed = result.is_ok();
                } else if self.listing.take_if(|waiting| Some(*waiting) == number).is_some()
                    && let Ok(Reply::People(page)) = result
                {
                    self.device.view.handle_members(page.clone());
                } else {
                    let _ = self.loading.take_if(|waiting| Some(*waiting) == number);
                }
            }
            _ => {}
        }
        self.device.view.handle_event(event, &mut self.device.ledger);
    }

    fn execute_output(&mut self, output: Output) {
        let now = self.now();
        let Some(client) = &mut self.device.client else { return };
        match output {
            Output::Open => {
                self.socket = Socket::open(self.address, "").ok();
                match &self.socket {
                    Some(_) => client.handle_opened(now),
                    None => client.handle_closed(now, 1006),
                }
            }
            Output::Send(bytes) => {
                // Writing to a broken connection fails; the next read reports it.
                let _ = self.socket.as_mut().map(|socket| socket.send(2, &bytes));
            }
            Output::Close(code) => {
                if let Some(mut socket) = self.socket.take() {
                    let code = code.map(u16::to_be_bytes);
                    let _ = socket.send(8, code.as_ref().map_or(&[], <[u8; 2]>::as_slice));
                }
            }
            Output::Persist { ticket, changes } => {
                self.device.write(now.monotonic, changes);
                if let Some(client) = &mut self.device.client {
                    client.handle_persisted(now, ticket);
                }
            }
        }
    }
}
