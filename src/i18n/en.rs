//! English.

use std::sync::Arc;

use parlour_core::status::Status;

use super::{
    Part, Texts, grouped,
    phrase::{names, shown},
};

/// `one` for one, else `other`, behind the number.
fn count(n: usize, one: &str, other: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { other })
}

fn moved(all: &[Arc<str>], total: usize, joined: bool) -> Vec<Part> {
    let shown = shown(all, total);
    let rest = total - shown.len();
    let mut parts = match (shown.len(), rest) {
        (0, _) => vec![count(rest, "person", "people").into()],
        (_, 0) => names(shown, ", ", " and "),
        _ => {
            let mut parts = names(shown, ", ", ", ");
            parts.push(format!(" and {}", count(rest, "other", "others")).into());
            parts
        }
    };
    parts.push(if joined { " joined" } else { " left" }.into());
    parts
}

fn who(all: &[Arc<str>], more: usize) -> Vec<Part> {
    let total = all.len() + more;
    let mut parts = vec![Part::from(match total {
        0 => "Nobody is here.".into(),
        1 => "One person is here: ".into(),
        n => format!("{} people are here: ", grouped(n)),
    })];
    if more == 0 {
        parts.extend(names(all, ", ", " and "));
    } else {
        parts.extend(names(all, ", ", ", "));
        parts.push(format!(" and {} more", grouped(more)).into());
    }
    parts
}

pub(super) const TEXTS: Texts = Texts {
    name: "English",
    status: Status::text,

    settings: "Settings",
    language: "Language",
    theme: "Appearance",
    theme_system: "System",
    theme_light: "Light",
    theme_dark: "Dark",

    tagline: "Come in, take a seat, say hello.",
    nick: "Your name",
    nick_hint: "Everyone in the room sees it.",
    server: "Server",
    server_hint: "host:port, or a full wss:// address",
    log_in: "Log in",
    logging_in: "Logging in…",
    cancel: "Cancel",
    log_in_as: |nick| format!("Log in as “{nick}”"),

    exit: "Leave",
    timeline: "Messages",
    empty_title: "It’s quiet in here",
    empty_text: "Say hello. Everyone in the room will see it.",
    dropped: "Older messages are no longer shown here.",
    jump: |n| match n {
        0 => "To the latest".into(),
        n => count(n as usize, "new message", "new messages"),
    },
    today: "Today",
    yesterday: "Yesterday",

    gap: "Some messages are missing here.",
    older: "There are older messages.",
    beginning: "The messages in this room begin here.",
    load: "Load them",
    loading: "Loading…",

    queued: "Waiting to be sent",
    pending: "Sending…",
    not_sent: "Not sent.",
    retry: "Try again",
    edit: "Edit",
    discard: "Discard",

    moved,
    who,
    help: "What you can type",
    commands: &[
        ("/who", "shows who is here"),
        ("/exit", "leaves the room"),
        ("/help", "shows this"),
        ("Enter", "sends the message"),
        ("Shift+Enter", "starts a new line"),
    ],
    missed: "The connection was gone for a while. Messages from that time may be missing here.",
    nothing_kept: "This browser doesn’t let the page keep anything. A message that is still waiting to be sent is lost if you close the page.",
    unreadable: "The server sent something this page can’t read. It was left out.",

    message: "Write a message",
    message_keys: "Enter sends, Shift+Enter starts a new line.",
    send: "Send",
    too_long: |bytes| {
        format!("Too long by {}. Shorten it, or send it in parts.", count(bytes, "byte", "bytes"))
    },
    wait: |status, s| {
        let why = match status {
            Status::LogUnavailable => status.text(),
            _ => "You are ahead of the server’s limit.",
        };
        format!("{why} Sending goes on in {}.", count(s as usize, "second", "seconds"))
    },
    sent_later: "No connection. What you send now waits here and goes out when it is back.",
    sent_never: "Not connected, so nothing goes out. Connect again at the top of the page.",

    people: "People",
    people_count: |n| count(n, "person", "people"),
    people_show: "Show people",
    people_hide: "Close",
    people_filter: "Find someone",
    people_none: "Nobody here by that name.",
    people_more: |n| format!("and {} more", grouped(n)),
    you: "you",
    away: "away",

    connection: "Connection",
    online: "Connected",
    idle: "Not connected",
    connecting: "Connecting…",
    reconnecting: "Trying again…",
    retry_in: |s| format!("Trying again in {}.", count(s as usize, "second", "seconds")),
    retry_now: "Retry now",
    from_device: "Offline: showing what this device has kept.",
    connect_again: "Connect again",
    use_here: "Use it here",
    reload: "Reload the page",
    round_trip: |ms| format!("Round trip {}", count(ms as usize, "millisecond", "milliseconds")),
    basic: "Basic server",
    basic_lead: "This is a basic server. You can talk, but some things are missing:",
    basic_missing: &[
        "It does not confirm messages: one sent as the connection breaks may be lost.",
        "A message can’t be longer than about 500 bytes.",
        "What is said while you are away is not kept for you.",
        "Two people can go by the same name.",
    ],
    understood: "Got it",

    crash_title: "Something went wrong",
    crash_text: "The page has stopped working. Reload it to go on.",
};
