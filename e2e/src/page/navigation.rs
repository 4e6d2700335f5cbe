//! Opening and reloading a page.

use serde_json::Value;

use super::{DEADLINE, Page};
use crate::{browser::Browser, eventually::wait};

impl Page {
    /// Opens a URL and allows connections to its host.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn goto(&self, url: &str) {
        let host = url::Url::parse(url).expect("a URL");
        self.allow_host(&format!("{}:{}", host.host_str().unwrap(), host.port_or_known_default().unwrap()));
        self.client().goto(url).await.expect("the browser opens the page");
    }

    /// Reloads the page.
    ///
    /// # Panics
    /// If the browser fails to.
    pub async fn reload(&self) {
        match self.browser() {
            Browser::Chromium => self.client().refresh().await.expect("the browser reloads the page"),
            Browser::Firefox => self.reload_by_script().await,
        }
    }

    /// Reloads by a script, like the reload button. Firefox's driver bypasses the service worker, as Shift+reload does.
    async fn reload_by_script(&self) {
        self.eval::<()>("window.left = true; location.reload()", vec![]).await;
        let loaded = wait(DEADLINE, "the page is loaded again", async || {
            // While the document is replaced, scripts fail.
            let state = self.client().execute("return !window.left && document.readyState", vec![]).await;
            match state.map_err(|error| error.to_string())? {
                Value::String(state) if state == "complete" => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        self.or_fail(loaded).await;
    }

    /// Opens a URL, or reloads if there is none. The server may be unreachable.
    ///
    /// # Errors
    /// The browser's error.
    pub async fn try_to_load(&self, url: Option<&str>) -> Result<(), String> {
        let loaded = match url {
            Some(url) => self.client().goto(url).await,
            None => self.client().refresh().await,
        };
        loaded.map_err(|error| error.to_string())
    }
}
