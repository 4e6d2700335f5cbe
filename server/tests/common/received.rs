//! What a hub has sent to one connection.

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    status::Status,
    wire,
};

/// The envelopes sent to one connection.
#[derive(Debug, Default)]
pub struct Received {
    pub frames: Vec<Envelope>,
    /// The number of WebSocket messages.
    pub messages: usize,
    /// Their sizes in bytes, with the headers.
    pub sizes: Vec<usize>,
    pub closed: Option<Status>,
}

impl Received {
    pub fn extensions(&self) -> impl Iterator<Item = &Extension> {
        self.frames.iter().filter_map(|f| f.extension.as_ref())
    }

    pub fn welcome(&self) -> Option<&wire::Welcome> {
        self.extensions().find_map(|e| match e {
            Extension::Welcome(welcome) => Some(welcome),
            _ => None,
        })
    }

    pub fn messages(&self) -> Vec<(&str, &str)> {
        let talks = self.frames.iter().filter(|f| f.extension.is_none() && f.r#type == codec::TALK);
        talks.map(|f| (f.user_name.as_str(), f.content.as_str())).collect()
    }

    pub fn accepted(&self) -> Vec<&wire::Accepted> {
        let acks = self.extensions().filter_map(|e| match e {
            Extension::Ack(ack) => Some(&ack.accepted),
            _ => None,
        });
        acks.flatten().collect()
    }

    pub fn pages(&self) -> Vec<&wire::HistoryPage> {
        let pages = self.extensions().filter_map(|e| match e {
            Extension::HistoryPage(page) => Some(page),
            _ => None,
        });
        pages.collect()
    }

    /// The ranges of the pages and their contents.
    pub fn history(&self) -> Vec<(u64, u64, Vec<String>)> {
        let content = |bytes: &Bytes| codec::decode(bytes).unwrap().content;
        self.pages().iter().map(|p| (p.from, p.to, p.frames.iter().map(content).collect())).collect()
    }

    pub fn refusals(&self) -> Vec<&wire::Refusal> {
        let refusals = self.extensions().filter_map(|e| match e {
            Extension::Refusal(refusal) => Some(refusal),
            _ => None,
        });
        refusals.collect()
    }

    pub fn codes(&self) -> Vec<u32> {
        self.refusals().iter().map(|r| r.code).collect()
    }

    /// Joins (`+`) and departures (`-`).
    pub fn presence(&self) -> Vec<String> {
        let changes = self.extensions().filter_map(|e| match e {
            Extension::Presence(presence) => Some(&presence.changes),
            _ => None,
        });
        let sign = |m: &wire::Member| if m.state == 0 { '-' } else { '+' };
        changes.flatten().map(|m| format!("{}{}", sign(m), m.nick)).collect()
    }

    pub fn member_snapshots(&self) -> Vec<&wire::Roster> {
        let rosters = self.extensions().filter_map(|e| match e {
            Extension::Roster(roster) => Some(roster),
            _ => None,
        });
        rosters.collect()
    }

    pub fn members(&self) -> Vec<&str> {
        self.member_snapshots().iter().flat_map(|r| &r.members).map(|m| m.nick.as_str()).collect()
    }

    /// The last member list sent to a basic client.
    pub fn list(&self) -> Vec<&str> {
        let list = self.frames.iter().rev().find(|f| !f.user_list.is_empty());
        list.map(|f| f.user_list.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The departures sent to a basic client.
    pub fn exits(&self) -> Vec<&str> {
        self.frames.iter().filter(|f| f.r#type == codec::EXIT).map(|f| f.user_name.as_str()).collect()
    }
}

/// The payloads of a server's WebSocket frames, and the sizes of the frames.
pub fn messages(mut bytes: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut out = Vec::new();
    while let [0x82, second, rest @ ..] = bytes {
        let (len, payload) = match second {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            n => (usize::from(*n), rest),
        };
        out.push((payload[..len].to_vec(), bytes.len() - payload.len() + len));
        bytes = &payload[len..];
    }
    assert!(bytes.is_empty(), "only whole Binary frames");
    out
}
