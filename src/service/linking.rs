//! Logging in with the link of another device. Only the server knows whose account it is, and so in which scope its data
//! belongs. So a client first asks the server, and persists and shares nothing; then this tab joins the tabs of the account's
//! scope, with the session that the link has made.

use parlour_core::{
    client::{Client, Event, Persisted, Setup, state::ClientState},
    left_sessions::LeftSessions,
    model::Connection,
    persist::server_url,
};

use super::{Report, Service, browser, fold::fold, leadership::AGENT, membership::Login, role::Role, scopes};

impl Service {
    /// Logs in with a code on the server at a URL, then continues in [`Self::enter_linked_account`].
    pub(super) fn ask_for_account(&self, code: &str, url: &str) {
        let setup = Setup {
            seed: u64::from_le_bytes(browser::random()),
            agent: AGENT.into(),
            nick: String::new(),
            secret: browser::random(),
            link_code: Some(code.into()),
            left: LeftSessions::default(),
            state: ClientState::new(fold),
            persisted: Persisted::default(),
        };
        // Cannot fail: there is no nick to validate.
        let Ok(client) = Client::new(setup) else { return };
        {
            let mut inner = self.inner.borrow_mut();
            // No scope of an account: no nick is empty.
            inner.enter(&format!("{url}\n"));
            inner.client_number += 1;
            inner.role = Role::Linking(Box::new(client));
        }
        (self.sink)(Report::Event(Event::Connection(Connection::Connecting)));
        self.with_client(|client| {
            // Cannot fail: the client is new.
            let _ = client.handle_connect(browser::now());
        });
    }

    /// Joins the tabs of the account's scope. If it is logged in there, its own session goes on instead of the new one.
    pub(super) fn enter_linked_account(&self) {
        let record = {
            let mut inner = self.inner.borrow_mut();
            let record = inner.client().and_then(|client| client.record());
            inner.role = Role::LoggedOut;
            inner.client_number += 1;
            inner.socket.close(None);
            record
        };
        // A client that is logged in with a link has an account.
        let Some((account, record)) = record.and_then(|record| Some((record.account?, record))) else {
            return self.end();
        };
        let server = server_url(&self.inner.borrow().scope).to_owned();
        let scope = scopes::of_account(&server, account, &record.identity.nick);
        self.join(&scope, Login::Linked(Box::new(record)));
    }
}
