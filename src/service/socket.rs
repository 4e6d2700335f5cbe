//! The socket of the client.

use parlour_core::{persist, status::Status};

use super::{Service, browser, refusal_query::RefusalQuery};
use crate::ws::{OpenError, Report, Socket};

/// The socket of the client, if it has one.
#[derive(Debug, Default)]
pub(super) struct ClientSocket {
    socket: Option<Socket>,
    /// Incremented when a socket is opened or closed, so that late reports of an earlier one are ignored.
    number: u64,
    /// For the next socket.
    refusal_query: RefusalQuery,
}

impl ClientSocket {
    /// Opens a socket in place of the previous one. `report` also gets the number of the socket.
    fn open(&mut self, url: &str, report: impl Fn(u64, Report) + 'static) -> Result<(), OpenError> {
        self.number += 1;
        let number = self.number;
        let url = self.refusal_query.url(url);
        self.socket = Some(Socket::open(&url, move |event| report(number, event))?);
        Ok(())
    }

    /// Sends a Binary message.
    pub(super) fn send(&self, bytes: &[u8]) {
        if let Some(socket) = &self.socket {
            socket.send(bytes);
        }
    }

    /// Forgets what is known of the server.
    pub(super) fn handle_new_server(&mut self) {
        self.refusal_query = RefusalQuery::default();
    }

    /// Closes the socket with a close code or an empty Close frame.
    pub(super) fn close(&mut self, code: Option<u16>) {
        self.number += 1;
        if let Some(socket) = self.socket.take() {
            socket.close(code);
        }
    }
}

impl Service {
    /// Opens a socket to the server of the scope.
    pub(super) fn open_socket(&self) {
        let mut inner = self.inner.borrow_mut();
        let (service, scope) = (self.clone(), inner.scope.clone());
        let opened = inner.socket.open(persist::server_url(&scope), move |number, report| {
            service.handle_report(number, report);
        });
        if opened.is_err()
            && let Some(client) = inner.client()
        {
            client.handle_open_failed(browser::now(), Status::BadAddress);
        }
    }

    fn handle_report(&self, number: u64, report: Report) {
        if self.inner.borrow().socket.number != number {
            return;
        }
        self.guarded(move |service| {
            if service.inner.borrow().socket.number != number {
                return;
            }
            let may_be_refused = service.inner.borrow_mut().socket.refusal_query.handle_report(&report);
            // Nobody else repeats a first login.
            let is_first =
                service.inner.borrow_mut().client().is_some_and(|client| client.identity().is_none());
            if may_be_refused && is_first {
                service.open_socket();
                service.with_client(|_| ());
                return;
            }
            let now = browser::now();
            service.with_client(|client| match report {
                Report::Opened => client.handle_opened(now),
                Report::Message(bytes) => client.handle_message(now, &bytes),
                Report::Text(text) => client.handle_text(now, text.as_bytes()),
                Report::Closed(code) => {
                    tracing::info!(code, "the connection was closed");
                    client.handle_closed(now, code);
                }
            });
        });
    }
}
