//! The one table of status codes: what a code means, whether trying again can help, and its English text.
//!
//! | range | where it comes from |
//! | --- | --- |
//! | 1-99 | the client itself; never on the wire |
//! | 1000-1015 | WebSocket close codes (RFC 6455, 7.4.1) |
//! | 4000-4499 | refusals and close codes of ours that end the matter: do not try again |
//! | 4500-4999 | refusals and close codes of ours that pass: try again |
//!
//! A code outside the table keeps its number in [`Status::Other`] and its range decides about trying again.

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same attempt will be refused again; the user must change something.
    Terminal,
    /// It may work later, by itself.
    Later,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $retry:ident, $text:literal;)*) => {
        /// What went wrong, or why a connection ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Status {
            $($(#[$doc])* $name,)*
            /// A code this version does not know.
            Other(u16),
        }

        impl Status {
            /// All of the table, in order of code.
            pub const ALL: &'static [Status] = &[$(Status::$name,)*];

            /// The number, as it is on the wire and in a Close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Status::$name => $code,)* Status::Other(code) => code }
            }

            /// The status of a number.
            #[must_use]
            pub const fn from_code(code: u16) -> Self {
                // Looked up in the table: a second one the other way round is larger than the search is slow.
                let mut at = 0;
                while at < Self::ALL.len() {
                    if Self::ALL[at].code() == code {
                        return Self::ALL[at];
                    }
                    at += 1;
                }
                Status::Other(code)
            }

            /// Whether trying again can help.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self {
                    $(Status::$name => Retry::$retry,)*
                    Status::Other(4000..=4499) => Retry::Terminal,
                    Status::Other(_) => Retry::Later,
                }
            }

            /// One plain English sentence, for logs and for peers that have no table of their own.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Status::$name => $text,)* Status::Other(_) => "The connection ended for a reason this version does not know." }
            }
        }
    };
}

statuses! {
    /// An action that needs a connection, without one.
    NotConnected = 1, Later, "You are not connected; wait until the connection is back.";
    /// Connecting while connected.
    AlreadyConnected = 2, Terminal, "You are already connected.";
    /// An action with arguments that make no sense.
    BadParameters = 3, Terminal, "Something in that request is not right; check it and try again.";
    /// Logging in while logged in.
    SignedIn = 4, Terminal, "You are already logged in.";
    /// The server address can't be used.
    BadAddress = 5, Terminal, "This is not a server address; write host:port or wss://host/path.";
    /// No connection, or no answer, within the time allowed.
    NoAnswer = 6, Later, "The server does not answer.";
    /// The server stopped answering on an open connection.
    ConnectionLost = 7, Later, "The connection to the server was lost.";
    /// A page loaded over https may not open an unencrypted socket.
    InsecureAddress = 8, Terminal, "This page is encrypted, so the server must be too; use a wss:// address.";
    /// The browser says that there is no network.
    Offline = 9, Later, "This device is offline.";
    /// A basic server acknowledges nothing, so this may or may not have arrived.
    Unconfirmed = 10, Later, "The connection was lost before this was confirmed; look before you send it again.";
    /// A command in the composer that does not exist.
    UnknownCommand = 11, Terminal, "There is no such command; /help lists them.";
    /// What was to be done needs more than a basic server can do.
    NotOnThisServer = 12, Terminal, "This server can't do that.";
    /// What is loaded after the login page could not be.
    PageIncomplete = 13, Later, "A part of the page could not be loaded; check your connection and try again, or reload the page.";

    /// Closed as agreed.
    Normal = 1000, Terminal, "The connection was closed.";
    /// The peer goes away: a server stopping or a page being left.
    GoingAway = 1001, Later, "The server is going away.";
    /// RFC 6455: protocol error.
    ProtocolError = 1002, Later, "The connection broke a rule of WebSocket and was closed.";
    /// RFC 6455: data of a kind that is not accepted.
    UnsupportedData = 1003, Terminal, "The server does not accept this kind of data.";
    /// An empty Close frame.
    NoStatus = 1005, Later, "The server closed the connection without saying why.";
    /// The connection broke without a Close frame.
    Abnormal = 1006, Later, "The connection broke.";
    /// Text that is not UTF-8. The original server sends protobuf in Text frames, which browsers refuse; they tell
    /// the page 1006, so with a basic server this is a likely reason and not a certain one.
    InvalidText = 1007, Later, "The connection broke; the server may have sent text that a browser may not accept.";
    /// RFC 6455: a policy was broken.
    Policy = 1008, Terminal, "The server refused this connection.";
    /// RFC 6455: a message too big.
    MessageTooBig = 1009, Later, "A message was too big, so the server closed the connection.";
    /// RFC 6455: an unexpected condition in the server.
    ServerError = 1011, Later, "The server met an error.";
    /// The server restarts.
    ServiceRestart = 1012, Later, "The server restarts.";
    /// The server is too busy.
    TryAgainLater = 1013, Later, "The server is too busy.";

    /// A nick with nothing in it.
    NickEmpty = 4001, Terminal, "Type a name.";
    /// A nick that is longer than allowed.
    NickTooLong = 4002, Terminal, "This name is too long.";
    /// A nick with characters that don't show, turn the text around, or can't be told from others.
    NickForbidden = 4003, Terminal, "This name holds characters that don't show or can't be told apart; use plain letters.";
    /// Somebody there has this nick.
    NickTaken = 4004, Terminal, "This name is taken; choose another one.";
    /// The nick looks like that of somebody there.
    NickConfusable = 4005, Terminal, "This name looks like one that is taken; choose another one.";
    /// A message with nothing in it.
    ContentEmpty = 4010, Terminal, "There is nothing to send.";
    /// A message longer than allowed.
    ContentTooLong = 4011, Terminal, "This message is too long; shorten it or send it in parts.";
    /// A message without a valid id.
    BadMessageId = 4012, Terminal, "This message has no valid id.";
    /// An id that was used for another message.
    MessageIdReused = 4013, Terminal, "This message's id was used for another message.";
    /// A frame before the login.
    NotLoggedIn = 4020, Terminal, "Log in first.";
    /// A second login on one connection.
    AlreadyLoggedIn = 4021, Terminal, "This connection is already logged in.";
    /// A frame that could not be decoded.
    BadFrame = 4022, Terminal, "The server got something it can't read.";
    /// A frame over the server's limit.
    FrameTooLarge = 4023, Terminal, "The server got more at once than it accepts.";
    /// An extension the server does not do.
    Unsupported = 4024, Terminal, "This server can't do that.";
    /// The protocol versions have nothing in common.
    VersionUnsupported = 4025, Terminal, "This page is too old or too new for the server; reload it.";
    /// The session went on elsewhere.
    Replaced = 4030, Terminal, "This session goes on in another window.";
    /// A room that does not exist or is closed to this user.
    NoSuchRoom = 4040, Terminal, "There is no such room.";
    /// A password or token is missing or wrong.
    LoginRefused = 4050, Terminal, "The name or the password is wrong.";

    /// The server is shutting down; come back.
    ShuttingDown = 4500, Later, "The server is restarting.";
    /// The peer read too slowly.
    TooSlow = 4501, Later, "This connection was too slow to keep up.";
    /// More messages than allowed.
    RateLimited = 4502, Later, "You are sending too fast; wait a moment.";
    /// The peer did not answer in time.
    TimedOut = 4503, Later, "The server heard nothing from this device for too long.";
    /// All places are taken.
    ServerFull = 4504, Later, "The server is full.";
    /// Too many connections from one address.
    TooManyConnections = 4505, Later, "There are too many connections from your network.";
    /// An error in the server that is not the client's fault.
    Internal = 4506, Later, "The server met an error.";
    /// The log can't be written at the moment.
    LogUnavailable = 4507, Later, "The server can't store messages at the moment.";
    /// No login came in time.
    LoginTimeout = 4508, Later, "The server waited too long for the login.";
    /// More people come in than the server lets in at once.
    Busy = 4509, Later, "Many people are coming in at once; this page tries again by itself.";
    /// A login that came in later than one the same client has made after it.
    Overtaken = 4510, Later, "This login came too late; this page tries again by itself.";
}

impl Status {
    /// Trying again can't help.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self.retry(), Retry::Terminal)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text(), self.code())
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for (i, status) in Status::ALL.iter().enumerate() {
            assert_eq!(Status::from_code(status.code()), *status);
            assert!(
                Status::ALL[i + 1..].iter().all(|other| other.code() > status.code()),
                "{status:?}: the table is in order of code"
            );
        }
    }

    #[test]
    fn our_ranges_say_whether_to_retry() {
        for status in Status::ALL.iter().filter(|s| s.code() >= 4000) {
            assert_eq!(status.is_terminal(), status.code() < 4500, "{status:?}");
        }
        assert!(Status::from_code(4499).is_terminal());
        assert!(!Status::from_code(4999).is_terminal());
    }

    #[test]
    fn every_text_is_a_sentence() {
        for status in Status::ALL {
            assert!(status.text().ends_with('.') && status.text().len() > 10, "{status:?}");
        }
    }
}
