//! What a hub has sent to one connection.

use parlour_core::{
    codec::{self, Envelope, Extension},
    status::Status,
    wire::{self, response::Result as Answer, server_event::Body},
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

    fn events(&self) -> impl Iterator<Item = &Body> {
        self.extensions().filter_map(|e| match e {
            Extension::Event(event) => event.body.as_ref(),
            _ => None,
        })
    }

    /// The answers to commands, with the numbers of the commands.
    pub fn answers(&self) -> Vec<(u32, &Answer)> {
        let answers = self.events().filter_map(|body| match body {
            Body::Response(response) => Some((response.request, response.result.as_ref()?)),
            _ => None,
        });
        answers.collect()
    }

    pub fn answer(&self, request: u32) -> Option<&Answer> {
        self.answers().into_iter().find(|(of, _)| *of == request).map(|(_, answer)| answer)
    }

    /// The pages that were requested, with the numbers of the requests.
    pub fn pages(&self) -> Vec<(u32, &wire::MessagePage)> {
        let pages = self.answers().into_iter().filter_map(|(request, answer)| match answer {
            Answer::Page(page) => Some((request, page)),
            _ => None,
        });
        pages.collect()
    }

    /// The codes of the commands that were refused, with their numbers.
    pub fn refused_commands(&self) -> Vec<(u32, u32)> {
        let refused = self.answers().into_iter().filter_map(|(request, answer)| match answer {
            Answer::Refusal(refusal) => Some((request, refusal.code)),
            _ => None,
        });
        refused.collect()
    }

    /// Returns `true` if the window in the welcome begins anew, and the texts in it.
    pub fn window(&self) -> (bool, Vec<String>) {
        let window = self.welcome().and_then(|welcome| welcome.window.as_ref()).unwrap();
        let content = |bytes: &Vec<u8>| codec::decode(bytes).unwrap().content;
        match &window.page {
            Some(page) => (window.reset, contents(page)),
            None => (window.reset, window.frames.iter().map(content).collect()),
        }
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
        self.events().flat_map(changes).collect()
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

/// The texts of a page.
pub fn contents(page: &wire::MessagePage) -> Vec<String> {
    page.messages.iter().map(|message| message.content.clone()).collect()
}

/// The joins (`+`) and departures (`-`) in an event.
pub fn changes(body: &Body) -> Vec<String> {
    let Body::Presence(changes) = body else { return Vec::new() };
    let sign = |person: &wire::Person| match person.state() {
        wire::PresenceState::Left => '-',
        _ => '+',
    };
    changes.people.iter().map(|person| format!("{}{}", sign(person), person.nick)).collect()
}

/// The payloads of a server's WebSocket frames, and the sizes of the frames.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<(Vec<u8>, usize)> {
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
