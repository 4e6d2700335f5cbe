//! Simulates network loss in a page: while offline, the page cannot connect to any server.

use crate::page::Page;

/// An address on which nothing listens.
const UNREACHABLE: &str = "127.0.0.1:9";

const NETWORK_SWITCH: &str = r"
    const Real = WebSocket, open = new Set();
    let offline = false, dropHistory = false, dropCount = 0, held = null, received = null, sent = null;
    // The operation of a frame that consists only of field 41, a command; 0 for others.
    const operationOf = async (message) => {
        const bytes = new Uint8Array(await new Response(message).arrayBuffer());
        if (bytes[0] !== 0xCA || bytes[1] !== 2) return 0;
        let at = 2;
        const readNumber = () => {
            let number = 0, shift = 0, byte;
            do { byte = bytes[at++]; number |= (byte & 127) << shift; shift += 7; } while (byte > 127);
            return number;
        };
        readNumber();
        // Its number, and its room, which the lobby has none.
        if (bytes[at] === 8) readNumber(at++);
        if (bytes[at] === 0x12) at += 2 + bytes[at + 1];
        return readNumber() >> 3;
    };
    const isHistoryRequest = async (message) => await operationOf(message) === 6;
    window.WebSocket = class extends Real {
        constructor(url, protocols) {
            super(offline ? 'ws://127.0.0.1:9/' : url, protocols ?? []);
            open.add(this);
            this.addEventListener('close', () => open.delete(this));
            // The first listener, so that it can withhold the message from the others.
            this.addEventListener('message', (event) => {
                if (!received || !event.isTrusted) return;
                event.stopImmediatePropagation();
                received.push(() => this.dispatchEvent(new MessageEvent('message', { data: event.data })));
            });
        }
        send(message) {
            sent?.push(message);
            if (dropCount > 0) dropCount -= 1;
            else if (!dropHistory && !held) super.send(message);
            else isHistoryRequest(message).then((isRequest) => {
                if (!isRequest) super.send(message);
                else held?.push(() => super.send(message));
            });
        }
    };
    window.testNetwork = {
        goOffline() { offline = true; for (const socket of open) socket.close(); },
        goOnline() { offline = false; dropHistory = false; },
        dropHistory() { dropHistory = true; },
        dropNext() { dropCount = 1; },
        holdHistory() { held = []; },
        heldCount() { return held.length; },
        recordSent() { sent = []; },
        // The number of commands with this operation that were sent since then.
        async sentCount(operation) {
            const operations = await Promise.all(sent.map(operationOf));
            return operations.filter((other) => other === operation).length;
        },
        holdReceived() { received = []; },
        receivedCount() { return received.length; },
        // All in one task, so that the page draws nothing in between. Calls `after` after each message.
        async deliverReceived(after = () => {}) {
            const deliver = received;
            received = null;
            for (const message of deliver) {
                message();
                for (let n = 0; n < 50; n++) await null;
                after();
            }
        },
        dropHeld() { held = null; },
        releaseHistory() { const requests = held; held = null; requests.forEach((send) => send()); },
    };
";

impl Page {
    /// Installs the switch. Must be called before the page is opened.
    pub async fn install_network_switch(&self) {
        self.expect_lost_connections();
        self.allow_host(UNREACHABLE);
        self.before_load(NETWORK_SWITCH).await;
    }

    /// Closes all connections and blocks new ones.
    pub async fn go_offline(&self) {
        self.eval::<()>("testNetwork.goOffline()", vec![]).await;
        self.until("the connection is lost", |view| view.connection.as_deref() == Some("reconnecting")).await;
    }

    /// Lets the page connect again, and makes it do so at once.
    pub async fn go_online(&self) {
        // By script, so that no element loses the focus. The button may be missing if the page reconnects by itself.
        self.eval::<()>("testNetwork.goOnline(); document.querySelector('#retry-now')?.click()", vec![])
            .await;
        self.until("the page is online", |view| view.online()).await;
    }

    /// Lets the page connect again, when it next attempts to.
    pub async fn allow_connections(&self) {
        self.eval::<()>("testNetwork.goOnline()", vec![]).await;
    }

    /// Holds all history requests back until [`Self::release_history_requests`].
    pub async fn hold_history_requests(&self) {
        self.eval::<()>("testNetwork.holdHistory()", vec![]).await;
    }

    /// Waits until this many history requests are held back.
    pub async fn until_requests_held(&self, count: usize) {
        let script = format!("return testNetwork.heldCount() === {count} || testNetwork.heldCount()");
        self.until_true(&format!("{count} requests for history"), &script).await;
    }

    /// Sends the history requests that were held back.
    pub async fn release_history_requests(&self) {
        self.eval::<()>("testNetwork.releaseHistory()", vec![]).await;
    }

    /// Holds back all messages from the server, until the script `testNetwork.deliverReceived()`.
    pub async fn hold_received(&self) {
        self.eval::<()>("testNetwork.holdReceived()", vec![]).await;
    }

    /// Waits until at least this many messages from the server are held back. Others may come with the expected ones.
    pub async fn until_received_held(&self, count: usize) {
        let script = format!("return testNetwork.receivedCount() >= {count} || testNetwork.receivedCount()");
        self.until_true(&format!("{count} messages from the server"), &script).await;
    }

    /// Delivers the messages from the server that were held back, in one task.
    pub async fn deliver_received(&self) {
        self.eval::<()>("return testNetwork.deliverReceived()", vec![]).await;
    }

    /// Drops the history requests that were held back, and holds back no more.
    pub async fn drop_held_requests(&self) {
        self.eval::<()>("testNetwork.dropHeld()", vec![]).await;
    }

    /// Drops all history requests until [`Self::go_online`].
    pub async fn drop_history_requests(&self) {
        self.eval::<()>("testNetwork.dropHistory()", vec![]).await;
    }

    /// Drops the next message that the page sends.
    pub async fn drop_next_message(&self) {
        self.eval::<()>("testNetwork.dropNext()", vec![]).await;
    }
}
