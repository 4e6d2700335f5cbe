//! Logging in.

use serde_json::Value;

use super::{DEADLINE, Page};
use crate::{basic::BasicServer, eventually::wait, server::Server, view::View};

impl Page {
    /// Waits for the login page, and logs in on the proposed server.
    pub async fn log_in(&self, nick: &str) {
        self.submit_login(nick, None).await;
        self.until(&format!("{nick} is in the room"), |view| view.online() && view.lists(nick)).await;
    }

    /// Fills in and submits the login form, without waiting for the result.
    pub async fn submit_login(&self, nick: &str, server: Option<&str>) {
        self.until("the login page", |view| view.login).await;
        self.fill("#login-nick", nick).await;
        if let Some(server) = server {
            self.allow_host(server);
            // The address field is inside a closed `details` element.
            let open = "document.querySelector('#login-server').closest('details')?.setAttribute('open', '')";
            self.eval::<Value>(open, vec![]).await;
            self.fill("#login-server", server).await;
        }
        self.click("#login-submit").await;
    }

    /// Logs in to a server as soon as it accepts the nick.
    pub async fn log_in_when_free(&self, nick: &str, server: &Server) {
        let logged_in = wait(DEADLINE, &format!("{nick} is free"), async || {
            self.submit_login(nick, Some(server.address())).await;
            let view = self.until("an answer", |view| view.room || view.login_error.is_some()).await;
            if view.room { Ok(()) } else { Err(format!("{:?}", view.login_error)) }
        })
        .await;
        self.or_fail(logged_in).await;
    }

    /// Logs in to a basic server, from the login page of another server.
    pub async fn log_in_to_basic(&self, nick: &str, server: &BasicServer) {
        self.submit_login(nick, Some(&server.address())).await;
        self.until(&format!("{nick} is in the room of a basic server"), View::basic).await;
    }
}
