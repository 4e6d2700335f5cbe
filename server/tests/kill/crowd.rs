//! Many pages, and how they are together.

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
    page::{Order, Page, State},
    rng::Rng,
    wait_until,
};

/// How often somebody presses the button that tries again.
const BUTTON: Duration = Duration::from_millis(500);

struct Member {
    orders: Sender<Order>,
    state: Arc<Mutex<State>>,
    thread: JoinHandle<(Device, Option<Socket>)>,
}

impl Member {
    /// Closes the page where it is.
    fn end(self) -> (Device, Option<Socket>) {
        let _ = self.orders.send(Order::End);
        self.thread.join().unwrap()
    }
}

/// The pages. Nobody has the number of another.
pub struct Crowd {
    address: SocketAddr,
    /// Bytes of each message besides its words.
    padding: usize,
    members: Vec<Member>,
}

impl Crowd {
    /// So many come, and are there when this returns.
    pub fn new(address: SocketAddr, count: usize, padding: usize, rng: &mut Rng) -> Self {
        let mut crowd = Self { address, padding, members: Vec::new() };
        (0..count).for_each(|_| crowd.add(rng));
        wait_until("everybody is in", || crowd.all(|state| state.online && state.members == count));
        crowd
    }

    fn add(&mut self, rng: &mut Rng) {
        let (orders, received) = channel();
        let state = Arc::new(Mutex::new(State::new()));
        let page = Page::new(self.members.len(), self.address, rng.next(), self.padding, state.clone());
        let thread = std::thread::spawn(move || page.run(&received));
        self.members.push(Member { orders, state, thread });
    }

    pub fn order(&self, order: Order) {
        for member in &self.members {
            // Who has panicked is noticed at the end.
            let _ = member.orders.send(order);
        }
    }

    /// The same to somebody.
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

    /// How long each took who came online after this moment, in ms.
    pub fn back_after(&self, begun: Instant) -> Vec<u128> {
        let since = self.states().into_iter().filter_map(|state| state.since);
        since.filter(|since| *since > begun).map(|since| (since - begun).as_millis()).collect()
    }

    /// Waits until everybody is online.
    pub fn come_back(&self) {
        self.press_until("everybody is back", || self.all(|state| state.online));
    }

    /// Waits until a condition holds. The waits between attempts are long after many failures; here are people who press
    /// the button.
    pub fn press_until(&self, what: &str, holds: impl Fn() -> bool) {
        let mut pressed = Instant::now();
        self.order(Order::Wake);
        let held = holds_in_time(|| {
            if pressed.elapsed() > BUTTON {
                pressed = Instant::now();
                self.order(Order::Wake);
            }
            holds()
        });
        let offline = self.states().into_iter().filter(|state| !state.online);
        let offline: Vec<_> = offline.map(|state| (state.connection, state.complaints)).collect();
        assert!(held, "{what}: still not so; not online: {offline:?}");
    }

    /// Nobody talks any more. All that was said is to arrive, and all that is missing to be loaded.
    pub fn come_to_rest(&self) {
        self.order(Order::Talk(false));
        self.order(Order::Load);
        self.come_back();
        let count = self.members.len();
        // Those of whom something is still to come.
        let restless = || {
            let mut states = self.states();
            let newest = states.iter().map(|state| state.newest).max();
            states.retain(|state| {
                let arrived = state.said == state.acknowledged && Some(state.newest) == newest;
                let whole = state.resting && state.gaps == 0 && state.outbox == 0 && arrived;
                !(state.online && state.members == count && whole)
            });
            states
        };
        assert!(holds_in_time(|| restless().is_empty()), "not at rest: {:?}", restless());
    }

    /// Two more come, one leaves, and the other is lost: the rest see it.
    pub fn come_and_go(&mut self, rng: &mut Rng) {
        let count = self.members.len();
        (0..2).for_each(|_| self.add(rng));
        wait_until("two more are in", || self.all(|state| state.online && state.members == count + 2));
        let leaves = self.members.pop().unwrap();
        leaves.orders.send(Order::Exit).unwrap();
        let lost = self.members.pop().unwrap();
        lost.end();
        wait_until("both are gone", || self.all(|state| state.members == count));
        leaves.end();
    }

    /// The pages as they are now.
    pub fn end(self) -> Vec<Device> {
        let (devices, sockets): (Vec<_>, Vec<_>) = self.members.into_iter().map(Member::end).unzip();
        // Only now, so that nobody sees another go.
        drop(sockets);
        devices
    }
}
