//! Many tabs, and their common state.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    common::Socket,
    device::Device,
    holds_in_time,
    rng::Rng,
    tab::{Order, State, Tab},
    wait_until,
};

/// The interval at which a user presses the reconnect button.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(500);

struct Member {
    orders: Sender<Order>,
    state: Arc<Mutex<State>>,
    thread: JoinHandle<(Device, Option<Socket>)>,
}

impl Member {
    /// Closes the tab.
    fn end(self) -> (Device, Option<Socket>) {
        let _ = self.orders.send(Order::End);
        self.thread.join().unwrap()
    }
}

/// The tabs. Numbers are never reused.
pub struct Crowd {
    address: SocketAddr,
    /// Additional bytes of each message.
    padding: usize,
    members: Vec<Member>,
}

impl Crowd {
    /// Opens `count` tabs and waits until all are online.
    pub fn new(address: SocketAddr, count: usize, padding: usize, rng: &mut Rng) -> Self {
        let mut crowd = Self { address, padding, members: Vec::new() };
        (0..count).for_each(|_| crowd.add(rng));
        wait_until("all are online", || crowd.all(|state| state.online && state.members == count));
        crowd
    }

    fn add(&mut self, rng: &mut Rng) {
        let (orders, received) = channel();
        let state = Arc::new(Mutex::new(State::new()));
        let tab = Tab::new(self.members.len(), self.address, rng.next(), self.padding, state.clone());
        let thread = std::thread::spawn(move || tab.run(&received));
        self.members.push(Member { orders, state, thread });
    }

    pub fn order(&self, order: Order) {
        for member in &self.members {
            // A panic is reported at the end.
            let _ = member.orders.send(order);
        }
    }

    /// Sends an order to a random tab.
    pub fn order_one(&self, rng: &mut Rng, order: Order) {
        let _ = self.members[rng.index(self.members.len())].orders.send(order);
    }

    pub fn states(&self) -> Vec<State> {
        self.members.iter().map(|member| member.state.lock().unwrap().clone()).collect()
    }

    pub fn all(&self, holds: impl Fn(&State) -> bool) -> bool {
        self.states().iter().all(holds)
    }

    pub fn sum(&self, of: impl Fn(&State) -> usize) -> usize {
        self.states().iter().map(of).sum()
    }

    /// The time in ms that each tab took that came online after this moment.
    pub fn reconnect_ms(&self, begun: Instant) -> Vec<u128> {
        let since = self.states().into_iter().filter_map(|state| state.since);
        since.filter(|since| *since > begun).map(|since| (since - begun).as_millis()).collect()
    }

    /// Waits until all are online.
    pub fn wait_until_online(&self) {
        self.reconnect_until("all are online", || self.all(|state| state.online));
    }

    /// Waits until a condition holds, while users press the reconnect button, because the backoff is long
    /// after many failures.
    pub fn reconnect_until(&self, what: &str, holds: impl Fn() -> bool) {
        let mut pressed = Instant::now();
        self.order(Order::Wake);
        let held = holds_in_time(|| {
            if pressed.elapsed() > RECONNECT_INTERVAL {
                pressed = Instant::now();
                self.order(Order::Wake);
            }
            holds()
        });
        let offline = self.states().into_iter().filter(|state| !state.online);
        let offline: Vec<_> = offline.map(|state| (state.connection, state.complaints)).collect();
        assert!(held, "timed out waiting until {what}; not online: {offline:?}");
    }

    /// Stops sending. Then all messages must arrive and all gaps be loaded.
    pub fn settle(&self) {
        self.order(Order::Send(false));
        self.order(Order::Load);
        self.wait_until_online();
        let count = self.members.len();
        // The tabs that do not have all messages yet.
        let unsettled = || {
            let mut states = self.states();
            let newest = states.iter().map(|state| state.newest).max();
            states.retain(|state| {
                let arrived = state.sent == state.acknowledged && Some(state.newest) == newest;
                let complete = state.settling && state.gaps == 0 && state.queued_messages == 0 && arrived;
                !(state.online && state.members == count && complete)
            });
            states
        };
        assert!(holds_in_time(|| unsettled().is_empty()), "not settled: {:?}", unsettled());
    }

    /// Two more tabs join; one leaves and the other is lost. All others must show these changes.
    pub fn join_and_leave(&mut self, rng: &mut Rng) {
        let count = self.members.len();
        (0..2).for_each(|_| self.add(rng));
        wait_until("two more are online", || self.all(|state| state.online && state.members == count + 2));
        let leaves = self.members.pop().unwrap();
        leaves.orders.send(Order::Exit).unwrap();
        let lost = self.members.pop().unwrap();
        lost.end();
        wait_until("both have left", || self.all(|state| state.members == count));
        leaves.end();
    }

    /// Ends all tabs and returns their devices.
    pub fn end(self) -> Vec<Device> {
        let (devices, sockets): (Vec<_>, Vec<_>) = self.members.into_iter().map(Member::end).unzip();
        // Closed only now, so that no tab is notified that another one has left.
        drop(sockets);
        devices
    }
}
