//! A tab: a session on a real socket with a device's storage, on its own thread.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, TryRecvError},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parlour_core::{
    Millis,
    event::Event,
    model::{Connection, Delivery, MessageId},
    session::{Clocks, Command, Session},
    status::Status,
};

use super::{
    common::{Message, Socket},
    device::Device,
    rng::Rng,
};

/// The longest time between two checks for orders, in ms.
const ORDER_INTERVAL_MS: Millis = 25;
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

/// The state of a tab.
#[derive(Debug, Clone)]
pub struct State {
    pub online: bool,
    pub connection: Connection,
    pub complaints: Vec<String>,
    /// The time at which it came online last.
    pub since: Option<Instant>,
    pub members: usize,
    pub sent: usize,
    pub acknowledged: usize,
    pub gaps: usize,
    /// It was ordered to stop sending and to load gaps.
    pub settling: bool,
    /// The number of messages in the persisted send queue, counted when settling.
    pub queued_messages: usize,
    /// The highest sequence number it received.
    pub newest: u64,
    /// The number of times that the log was unavailable to it.
    pub refused: usize,
}

impl State {
    pub fn new() -> Self {
        Self {
            online: false,
            connection: Connection::Idle,
            complaints: Vec::new(),
            since: None,
            members: 0,
            sent: 0,
            acknowledged: 0,
            gaps: 0,
            settling: false,
            queued_messages: 0,
            newest: 0,
            refused: 0,
        }
    }
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
    newest: u64,
    sent: u64,
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
            newest: 0,
            sent: 0,
            padding,
            send_at: None,
            loads_gaps: false,
        }
    }

    /// Runs until it is ordered to end. While the returned socket is open, the server does not notice the
    /// end.
    pub fn run(mut self, orders: &Receiver<Order>) -> (Device, Option<Socket>) {
        self.log_in();
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
            Order::Wake => self.act(Session::handle_wake),
            Order::Reload => {
                self.device.close_tab();
                self.socket = None;
                self.log_in();
            }
            Order::Exit => self.act(Session::handle_leave),
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
            members: device.session.as_ref().map_or(0, |session| session.members().1),
            sent: device.ledger.sent.len(),
            acknowledged: device.ledger.acknowledged.len(),
            gaps: device.view.gaps.len(),
            settling: self.loads_gaps && self.send_at.is_none(),
            queued_messages: if self.loads_gaps { device.storage.queued_messages().count() } else { 0 },
            newest: self.newest,
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

    fn log_in(&mut self) {
        let now = self.now();
        let mut random = [0; 16];
        self.rng.fill(&mut random);
        let device = &mut self.device;
        device.open_at = None;
        let mut session = device.session.take().unwrap_or_else(|| Session::new(self.rng.next(), "kill"));
        session.handle_new_secret(random);
        session.handle_login(now, &device.nick, device.storage.persisted()).unwrap();
        device.session = Some(session);
        self.drain();
    }

    fn act(&mut self, act: impl FnOnce(&mut Session, Clocks)) {
        let now = self.now();
        if let Some(session) = &mut self.device.session {
            act(session, now);
        }
        self.drain();
    }

    /// Waits for the next event and handles it, or returns an order.
    fn step(&mut self, orders: &Receiver<Order>) -> Option<Order> {
        let now = self.now().monotonic;
        let due = self.device.session.as_ref().and_then(Session::poll_timeout);
        let next = [due, self.send_at, self.device.open_at].into_iter().flatten().min();
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
        if self.device.session.as_ref().and_then(Session::poll_timeout).is_some_and(|due| due <= now) {
            self.act(Session::handle_timeout);
        }
        if std::mem::take(&mut self.device.view.must_retry_login) {
            self.device.open_at = Some(now + 500);
        }
        if self.device.open_at.is_some_and(|at| at <= now) {
            self.log_in();
        }
        if self.send_at.is_some_and(|at| at <= now) {
            self.send_at = Some(now + PAUSE_MS.0 + self.rng.below(PAUSE_MS.1 - PAUSE_MS.0));
            self.send_message();
        }
        if self.loads_gaps
            && let Some(state) = self.device.view.gaps.iter().find(|state| !state.loading)
        {
            let to = state.gap.to;
            self.act(|session, now| session.handle_load_gap(now, to));
        }
        None
    }

    fn handle_input(&mut self, input: std::io::Result<Message>) {
        match input {
            Ok(Message::Data(_, bytes)) => self.act(|session, now| session.handle_message(now, &bytes)),
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
        self.act(|session, now| session.handle_closed(now, code));
    }

    fn send_message(&mut self) {
        self.sent += 1;
        let text = format!("message {} of {} {}", self.sent, self.device.nick, "~".repeat(self.padding));
        let now = self.now();
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        let id = MessageId::new(u64::try_from(now.unix).unwrap(), random);
        let Some(session) = &mut self.device.session else { return };
        if session.handle_send(now, id, &text).is_ok() {
            self.device.ledger.sent(0, 0, id);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(command) = self.device.session.as_mut().and_then(Session::poll_command) {
            self.command(command);
        }
        while let Some(event) = self.device.session.as_mut().and_then(Session::poll_event) {
            match &event {
                Event::Throttled(Status::LogUnavailable, _) => self.refused += 1,
                Event::Message(message) if message.delivery == Delivery::Sent => {
                    self.newest = self.newest.max(message.seq);
                }
                Event::HistoryPage(messages) => {
                    let newest = messages.iter().map(|message| message.seq).max();
                    self.newest = self.newest.max(newest.unwrap_or(0));
                }
                _ => {}
            }
            self.device.view.handle_event(event, &mut self.device.ledger);
        }
    }

    fn command(&mut self, command: Command) {
        let now = self.now();
        let device = &mut self.device;
        let Some(session) = &mut device.session else { return };
        match command {
            Command::Open => {
                self.socket = Socket::open(self.address, "").ok();
                match &self.socket {
                    Some(_) => session.handle_opened(now),
                    None => session.handle_closed(now, 1006),
                }
            }
            Command::Send(bytes) => {
                // Writing to a broken connection fails; the next read reports it.
                let _ = self.socket.as_mut().map(|socket| socket.send(2, &bytes));
            }
            Command::Close(code) => {
                if let Some(mut socket) = self.socket.take() {
                    let code = code.map(u16::to_be_bytes);
                    let _ = socket.send(8, code.as_ref().map_or(&[], <[u8; 2]>::as_slice));
                }
            }
            Command::Persist { ticket, changes } => {
                device.storage.apply(&changes);
                session.handle_persisted(now, ticket);
            }
        }
    }
}
