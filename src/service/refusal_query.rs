//! Learning why a server refuses a socket. The browser does not show the page the response to a failed handshake, so the
//! next attempt asks the server to accept the socket and close it with the reason.

use parlour_core::address::REFUSAL_QUERY;

use crate::ws::Report;

/// The choice between the URL of the server and the one with [`REFUSAL_QUERY`]. Each attempt that fails without an answer
/// changes it, because servers other than ours may not accept a query.
#[derive(Debug, Default)]
pub struct RefusalQuery {
    /// The current or next socket has the query.
    is_added: bool,
    /// The current socket was opened.
    was_opened: bool,
}

impl RefusalQuery {
    /// The URL to open the next socket with.
    pub fn url(&mut self, server: &str) -> String {
        self.was_opened = false;
        if self.is_added { format!("{server}?{REFUSAL_QUERY}") } else { server.into() }
    }

    /// Handles a report of the current socket. Returns `true` if the server may have refused it without the reason, which
    /// another attempt would find out.
    pub fn handle_report(&mut self, report: &Report) -> bool {
        match report {
            Report::Opened => self.was_opened = true,
            Report::Closed(_) if !self.was_opened => self.is_added = !self.is_added,
            _ => return false,
        }
        !self.was_opened && self.is_added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_without_an_answer_changes_the_url() {
        let mut query = RefusalQuery::default();
        let (plain, with_query) = ("ws://host/ws", "ws://host/ws?refusal=close");
        for opened in [true, false, false, false] {
            let url = query.url(plain);
            assert_eq!(url == with_query, query.is_added);
            if opened {
                assert!(!query.handle_report(&Report::Opened));
            }
            let tries_again = query.handle_report(&Report::Closed(1006));
            assert_eq!(tries_again, !opened && url == plain, "{url}");
        }
        // The reason keeps the query.
        assert_eq!(query.url(plain), with_query);
        query.handle_report(&Report::Opened);
        assert!(!query.handle_report(&Report::Closed(4511)));
        assert_eq!(query.url(plain), with_query);
    }
}
