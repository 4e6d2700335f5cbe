//! The tabs of a page's browser. All other functions of [`Page`] act on the current tab.

use fantoccini::wd::WindowHandle;

use super::Page;
use crate::server::Server;

impl Page {
    /// The current tab.
    ///
    /// # Panics
    /// If the browser is closed.
    pub async fn tab(&self) -> WindowHandle {
        self.client().window().await.expect("the current tab")
    }

    /// Switches to a tab.
    ///
    /// # Panics
    /// If it is closed.
    pub async fn switch_to(&self, tab: &WindowHandle) {
        self.client().switch_to_window(tab.clone()).await.expect("switch to a tab");
    }

    /// Opens a page in another tab, and switches to it.
    ///
    /// # Panics
    /// If the browser refuses it.
    pub async fn open_tab(&self, url: &str) -> WindowHandle {
        self.open(url, true).await
    }

    /// Opens a page in a tab of another window, and switches to it. Both windows are visible.
    ///
    /// # Panics
    /// If the browser refuses it.
    pub async fn open_window(&self, url: &str) -> WindowHandle {
        self.open(url, false).await
    }

    /// Opens the page of a server in a tab of another window, so that both are visible, and logs in. Returns the tabs of the
    /// first and the second window.
    pub async fn open_second_window(&self, nick: &str, server: &Server) -> [WindowHandle; 2] {
        let first = self.tab().await;
        let second = self.open_window(&server.url()).await;
        self.log_in(nick).await;
        [first, second]
    }

    async fn open(&self, url: &str, as_tab: bool) -> WindowHandle {
        let tab = self.client().new_window(as_tab).await.expect("open a tab").handle;
        self.switch_to(&tab).await;
        self.goto(url).await;
        tab
    }

    /// Closes a tab, and switches to another one.
    ///
    /// # Panics
    /// If one of them is closed.
    pub async fn close_tab(&self, tab: &WindowHandle, next: &WindowHandle) {
        self.switch_to(tab).await;
        self.client().close_window().await.expect("close a tab");
        self.switch_to(next).await;
    }
}
