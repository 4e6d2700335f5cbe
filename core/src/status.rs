//! The table of status codes: meaning, whether a retry can succeed, and English text.
//!
//! | range | origin |
//! | --- | --- |
//! | 1-99 | the client; never on the wire |
//! | 1000-1015 | WebSocket close codes (RFC 6455, 7.4.1) |
//! | 4000-4499 | Parlour's permanent refusals and close codes: do not try again |
//! | 4500-4999 | Parlour's temporary refusals and close codes: try again |
//!
//! A code that is not in the table becomes [`Status::Other`]; its range determines whether to try again.

/// The prospects of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same attempt would be refused again; the user must change something.
    Terminal,
    /// The same attempt may succeed later.
    Later,
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $retry:ident, $text:literal;)*) => {
        /// An error, or the reason for the end of a connection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Status {
            $($(#[$doc])* $name,)*
            /// A code that is not in the table.
            Other(u16),
        }

        impl Status {
            /// The whole table, ordered by code.
            pub const ALL: &'static [Status] = &[$(Status::$name,)*];

            /// The code, as on the wire and in a Close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Status::$name => $code,)* Status::Other(code) => code }
            }

            /// The status of a code.
            #[must_use]
            pub const fn from_code(code: u16) -> Self {
                match code { $($code => Status::$name,)* _ => Status::Other(code) }
            }

            /// The prospects of a retry.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self {
                    $(Status::$name => Retry::$retry,)*
                    Status::Other(4000..=4499) => Retry::Terminal,
                    Status::Other(_) => Retry::Later,
                }
            }

            /// One English sentence, for logs and for peers without this table.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Status::$name => $text,)* Status::Other(_) => "The connection ended for a reason this version does not know." }
            }
        }
    };
}

statuses! {
    /// The action needs a connection, and there is none.
    NotConnected = 1, Later, "You are not connected; wait until the connection is back.";
    /// A connection attempt while connected.
    AlreadyConnected = 2, Terminal, "You are already connected.";
    /// The arguments of the action are invalid.
    BadParameters = 3, Terminal, "The request is invalid; check it and try again.";
    /// A login while logged in.
    SignedIn = 4, Terminal, "You are already logged in.";
    /// The server address is invalid.
    BadAddress = 5, Terminal, "This is not a server address; write host:port or wss://host/path.";
    /// The server did not accept the connection, or did not answer, in time.
    NoAnswer = 6, Later, "The server does not answer.";
    /// The server stopped answering on an open connection.
    ConnectionLost = 7, Later, "The connection to the server was lost.";
    /// A page loaded over https may not open an unencrypted socket.
    InsecureAddress = 8, Terminal, "This page is encrypted, so the server must be too; use a wss:// address.";
    /// The browser reports that there is no network.
    Offline = 9, Later, "This device is offline.";
    /// Basic servers don't acknowledge messages, so the message may or may not have arrived.
    Unconfirmed = 10, Later, "The connection was lost before the server confirmed this; check whether it arrived before you send it again.";
    /// A command in the composer that does not exist.
    UnknownCommand = 11, Terminal, "There is no such command; /help lists them.";
    /// The action needs a capability that the server lacks.
    NotOnThisServer = 12, Terminal, "This server can't do that.";
    /// A lazily loaded part of the page failed to load.
    PageIncomplete = 13, Later, "A part of the page could not be loaded; check your connection and try again, or reload the page.";
    /// Each time this message was sent, the connection ended.
    EndsConnection = 14, Terminal, "The connection ended each time this message was sent; edit it or discard it.";
    /// The host serves another version of the page, without the part that failed to load.
    PageOutdated = 16, Terminal, "A new version is available; reload the page.";
    /// The tab that owns the session did not execute a command in time.
    TabUnresponsive = 19, Later, "Another tab of this chat does not respond; close that tab, then try again.";
    /// The send queue has as many messages as it holds.
    QueueFull = 20, Later, "Too many messages wait to be sent; wait for some of them, or discard those that failed.";
    /// The server has no account with the secret of this device.
    AccountGone = 21, Terminal, "This account no longer exists on the server; log in again.";

    /// The connection was closed normally.
    Normal = 1000, Terminal, "The connection was closed.";
    /// The peer is going away: the server stops, or the user leaves the page.
    GoingAway = 1001, Later, "The server is going away.";
    /// RFC 6455: protocol error.
    ProtocolError = 1002, Later, "The connection broke a rule of WebSocket and was closed.";
    /// RFC 6455: an unsupported kind of data.
    UnsupportedData = 1003, Terminal, "The server does not accept this kind of data.";
    /// An empty Close frame.
    NoStatus = 1005, Later, "The server closed the connection without giving a reason.";
    /// The connection broke without a Close frame.
    Abnormal = 1006, Later, "The connection broke.";
    /// Text that is not UTF-8. The original server sends protobuf in Text frames, which browsers reject. They report
    /// 1006 then, so with a basic server this status is an assumption.
    InvalidText = 1007, Later, "The connection broke; the server may have sent text that browsers do not accept.";
    /// RFC 6455: a policy violation.
    Policy = 1008, Terminal, "The server refused this connection.";
    /// RFC 6455: a message that is too big.
    MessageTooBig = 1009, Later, "A message was too big, so the server closed the connection.";
    /// RFC 6455: an unexpected condition in the server.
    ServerError = 1011, Later, "An error occurred on the server.";
    /// The server is restarting.
    ServiceRestart = 1012, Later, "The server restarts.";
    /// The server is too busy.
    TryAgainLater = 1013, Later, "The server is too busy.";

    /// The nick is empty.
    NickEmpty = 4001, Terminal, "Type a name.";
    /// The nick is too long.
    NickTooLong = 4002, Terminal, "This name is too long.";
    /// The nick has characters that are invisible, change the text direction, or look like others.
    NickForbidden = 4003, Terminal, "This name contains characters that are invisible or easily confused; use plain letters.";
    /// Another member has this nick.
    NickTaken = 4004, Terminal, "This name is taken; choose another one.";
    /// The nick looks like that of another member.
    NickConfusable = 4005, Terminal, "This name looks like one that is taken; choose another one.";
    /// The message is empty.
    ContentEmpty = 4010, Terminal, "There is nothing to send.";
    /// The message is too long.
    ContentTooLong = 4011, Terminal, "This message is too long; shorten it or send it in parts.";
    /// The message has no valid id.
    BadMessageId = 4012, Terminal, "This message has no valid id.";
    /// The id was used for a different message.
    MessageIdReused = 4013, Terminal, "This message's id was used for another message.";
    /// A search without a letter, digit or other character to search for.
    SearchEmpty = 4014, Terminal, "Punctuation alone can't be found; type a word or a number.";
    /// An envelope before the login.
    NotLoggedIn = 4020, Terminal, "Log in first.";
    /// A second login on one connection.
    AlreadyLoggedIn = 4021, Terminal, "This connection is already logged in.";
    /// A frame that can't be decoded.
    BadFrame = 4022, Terminal, "The server received something it can't read.";
    /// A frame that exceeds the server's limit.
    FrameTooLarge = 4023, Terminal, "The server received more at once than it accepts.";
    /// An extension that the server does not support.
    Unsupported = 4024, Terminal, "This server can't do that.";
    /// The server does not support the client's protocol version.
    VersionUnsupported = 4025, Terminal, "This page is too old or too new for the server; reload it.";
    /// The session was continued on another connection.
    Replaced = 4030, Terminal, "This session continues in another window.";
    /// The room does not exist, or the user may not enter it.
    NoSuchRoom = 4040, Terminal, "There is no such room.";
    /// The account is not a member of the room.
    NotAMember = 4041, Terminal, "You are not a member of this room.";
    /// The room is archived.
    RoomArchived = 4042, Terminal, "This room is archived; it can be read, but not changed.";
    /// The role of the account in the room does not allow the action.
    NotAllowed = 4043, Terminal, "You are not allowed to do this in this room.";
    /// Another room has this name.
    RoomNameTaken = 4044, Terminal, "There is a room with this name; choose another name.";
    /// The name looks like that of another room.
    RoomNameConfusable = 4045, Terminal, "This name looks like that of another room; choose another name.";
    /// The account, or one that it invites, is in too many rooms, or has created too many.
    TooManyRooms = 4046, Terminal, "The limit of rooms is reached; leave or close a room first.";
    /// The account does not exist.
    NoSuchAccount = 4047, Terminal, "There is no such person.";
    /// The only owner of a room can't leave it or give up the role while there are other members.
    LastOwner = 4048, Terminal, "You are the only owner of this room; make somebody else an owner first.";
    /// The message was deleted, or another one has its number.
    NoSuchMessage = 4049, Terminal, "This message no longer exists.";
    /// The password or token is missing or wrong.
    LoginRefused = 4050, Terminal, "The name or the password is wrong.";
    /// The account has reacted to the message with as many emoji as it may, or all accounts together have.
    TooManyReactions = 4051, Terminal, "This message can't have more reactions.";

    /// The server is shutting down.
    ShuttingDown = 4500, Later, "The server is restarting.";
    /// The connection was closed as a slow consumer.
    TooSlow = 4501, Later, "This connection was too slow to keep up.";
    /// The rate limit was exceeded.
    RateLimited = 4502, Later, "You are sending too fast; wait a moment.";
    /// The client did not send anything in time.
    TimedOut = 4503, Later, "The server received nothing from this device for too long.";
    /// The server has reached its maximum number of connections.
    ServerFull = 4504, Later, "The server is full.";
    /// Too many connections from one address.
    TooManyConnections = 4505, Later, "There are too many connections from your network.";
    /// An internal error of the server.
    Internal = 4506, Later, "An error occurred on the server.";
    /// The event log can't be written at the moment.
    LogUnavailable = 4507, Later, "The server can't store messages at the moment.";
    /// The client did not log in in time.
    LoginTimeout = 4508, Later, "The server waited too long for the login.";
    /// The rate limit on logins was exceeded.
    Busy = 4509, Later, "Many people are logging in at once; this page tries again automatically.";
    /// A later login of the same client has arrived before this one.
    Overtaken = 4510, Later, "This login arrived too late; this page tries again automatically.";
    /// The page's origin may not connect.
    PageNotAllowed = 4511, Later, "This server does not allow pages of this address; its operator has to add the address to the setting allow_origin.";
    /// A proxy has removed the port from the host name that the page uses.
    PortRemoved = 4512, Later, "A proxy removes the port of this page's address; the server's operator has to let it pass on the Host header unchanged.";
    /// The page was loaded under a host name that the server does not know.
    HostNotServed = 4513, Later, "This server does not know the host name of this page; its operator has to add the name to the setting allow_host.";
}

impl Status {
    /// Returns `true` if a retry can't succeed.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self.retry(), Retry::Terminal)
    }

    /// Returns `true` if a login is refused because of the nick.
    #[must_use]
    pub const fn is_about_nick(self) -> bool {
        use Status::{NickConfusable, NickEmpty, NickForbidden, NickTaken, NickTooLong};
        matches!(self, NickEmpty | NickTooLong | NickForbidden | NickTaken | NickConfusable)
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
    fn codes_are_unique_and_map_back_to_their_status() {
        for (i, status) in Status::ALL.iter().enumerate() {
            assert_eq!(Status::from_code(status.code()), *status);
            assert!(
                Status::ALL[i + 1..].iter().all(|other| other.code() > status.code()),
                "{status:?}: the table is not ordered by code"
            );
        }
    }

    #[test]
    fn the_range_of_a_code_determines_whether_to_retry() {
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
