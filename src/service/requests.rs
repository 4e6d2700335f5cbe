//! Commands for the server, and their answers.

use parlour_core::sorted::SortedMap;
use std::pin::Pin;

use futures_channel::oneshot;
use parlour_core::{
    client::{Command, Origin, Reply},
    model::Refusal,
    status::Status,
};

use super::{Service, browser};

/// The result of a command.
pub(super) type Answer = Result<Reply, Refusal>;

/// The commands of this tab that were not answered.
#[derive(Default)]
pub(super) struct Requests {
    /// The number of the last command.
    last: u32,
    waiting: SortedMap<u32, oneshot::Sender<Answer>>,
}

impl Requests {
    fn add(&mut self, sender: oneshot::Sender<Answer>) -> u32 {
        // The larger half of the numbers is the follower's own.
        self.last = self.last % (u32::MAX / 2) + 1;
        self.waiting.insert(self.last, sender);
        self.last
    }

    /// Passes an answer to whoever waits for it.
    pub(super) fn answer(&mut self, number: u32, answer: Answer) {
        if let Some(sender) = self.waiting.remove(&number) {
            let _ = sender.send(answer);
        }
    }

    /// The user has logged out: nothing will be answered.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Service {
    /// Gives a command to the server, in a follower through the leader.
    pub(super) fn give(&self, command: Command) -> Pin<Box<dyn Future<Output = Answer>>> {
        let (sender, answer) = oneshot::channel();
        let number = self.inner.borrow_mut().requests.add(sender);
        self.guarded(move |service| {
            if service.is_follower() {
                return service.with_follower(|follower| {
                    follower.handle_server_command(browser::now(), number, command)
                });
            }
            let given = service.with_client(|client| {
                client.handle_command(browser::now(), Origin::LOCAL, number, command);
            });
            if given.is_none() {
                service.inner.borrow_mut().requests.answer(number, Err(refusal(Status::NotConnected)));
            }
        });
        // Dropped by a logout.
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(refusal(Status::NotConnected))) })
    }
}

/// A refusal of this client itself.
pub(super) fn refusal(status: Status) -> Refusal {
    Refusal { status, text: String::new(), suggestion: None, retry_after: 0 }
}
