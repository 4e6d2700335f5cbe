//! A page's connection with a plug: pulled, nothing gets through, whatever the server does.

use crate::page::Page;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:9";

const PLUG: &str = r"
    const Real = WebSocket, open = new Set();
    let pulled = false, pages = true, swallow = 0;
    // A frame that has nothing but field 26 asks for a page of the history.
    const asks = async (message) => {
        const [first, second] = new Uint8Array(await new Response(message).arrayBuffer());
        return first === 0xD2 && second === 1;
    };
    window.WebSocket = class extends Real {
        constructor(url, protocols) {
            super(pulled ? 'ws://127.0.0.1:9/' : url, protocols ?? []);
            open.add(this);
            this.addEventListener('close', () => open.delete(this));
        }
        send(message) {
            if (swallow > 0) swallow -= 1;
            else if (pages) super.send(message);
            else asks(message).then((asks) => asks || super.send(message));
        }
    };
    window.plug = {
        pull() { pulled = true; for (const socket of open) socket.close(); },
        put() { pulled = false; pages = true; },
        withhold() { pages = false; },
        swallow() { swallow = 1; },
    };
";

impl Page {
    /// Gives the page's connections a plug; to be called before the page is opened.
    pub async fn with_plug(&self) {
        self.expect_lost_connections();
        self.may_reach(NOWHERE);
        self.before_load(PLUG).await;
    }

    /// Cuts the connection, and lets no other one come about.
    pub async fn pull_plug(&self) {
        self.eval::<()>("plug.pull()", vec![]).await;
        self.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
    }

    /// Lets the page connect again, at once.
    pub async fn put_plug_back(&self) {
        // By a script, which takes the focus from nothing; it may be about to try by itself.
        self.eval::<()>("plug.put(); document.querySelector('#retry-now')?.click()", vec![]).await;
        self.until("back", |view| view.online()).await;
    }

    /// From now on nothing that is missing is asked for, until the plug is put back.
    pub async fn withhold_history(&self) {
        self.eval::<()>("plug.withhold()", vec![]).await;
    }
}
