//! The link that logs another device in.

use parlour_core::address::{self, PageAddress};

use super::{route::Route, store::Store};
use crate::config;

impl Store {
    /// The URL that logs another device in to the account, with a code of the server.
    #[must_use]
    pub fn device_link(&self, code: &str) -> String {
        url(&config::page_address(), &self.service().server(), code)
    }
}

/// The URL of a page that logs in with a code. The server, with the URL of its socket, is named unless it is the one that the
/// page suggests.
fn url(page: &PageAddress, server: &str, code: &str) -> String {
    let scheme = if page.secure { "https" } else { "http" };
    let own = address::socket_url(&address::suggested(page), page);
    let server = Some(server).filter(|server| own.as_deref() != Ok(server));
    let route = Route::Link { code: code.into(), server: server.map(Into::into) };
    format!("{scheme}://{}{}{route}", page.host, page.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_names_a_server_elsewhere() {
        let page = PageAddress { secure: true, host: "chat.example.org".into(), path: "/talk/".into() };
        assert_eq!(
            url(&page, "wss://chat.example.org/talk/ws", "abc"),
            "https://chat.example.org/talk/#/link/abc"
        );
        assert_eq!(
            url(&page, "wss://other.example.org/ws", "abc"),
            "https://chat.example.org/talk/#/link/abc/wss://other.example.org/ws"
        );
    }
}
