//! A desktop peer: the original program as far as a server can tell. It sends protobuf in Text frames, whether
//! they are UTF-8 or not, and gives its name in a header that means nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    eventually::eventually,
    socket::{self, Received, TEXT, Writer},
    wire::Frame,
};

/// A desktop peer that is connected.
#[derive(Debug)]
pub struct Desktop {
    name: String,
    writer: Writer,
    seen: Arc<Mutex<Seen>>,
}

/// What has come so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What its window shows: `name:content` of frames that have both.
    pub lines: Vec<String>,
    /// Its list, of the last frame that had one.
    pub list: BTreeSet<String>,
    /// Every frame.
    pub frames: Vec<Frame>,
    /// The connection has ended.
    pub ended: bool,
}

impl Seen {
    /// How many frames say that somebody left.
    #[must_use]
    pub fn exits_of(&self, name: &str) -> usize {
        self.frames.iter().filter(|frame| frame.user_name == name && frame.content == "exit").count()
    }

    fn take(&mut self, frame: Frame) {
        if !frame.user_list.is_empty() {
            self.list = frame.user_list.keys().cloned().collect();
        }
        if !frame.user_name.is_empty() && !frame.content.is_empty() {
            self.lines.push(format!("{}:{}", frame.user_name, frame.content));
        }
        self.frames.push(frame);
    }
}

impl Desktop {
    /// Connects to `host:port`. Nobody knows of it before it says something.
    ///
    /// # Panics
    /// When the server does not let it in.
    #[must_use]
    pub fn connect(address: &str, name: &str) -> Self {
        let (mut reader, writer) =
            socket::connect(address, &format!("username: {name}")).expect("the server takes a desktop peer");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        thread::spawn(move || {
            while let Ok(Received::Message(message)) = reader.read() {
                let frame = Frame::decode(&message).expect("a desktop peer can read every frame");
                shared.lock().unwrap().take(frame);
            }
            shared.lock().unwrap().ended = true;
        });
        Self { name: name.into(), writer, seen }
    }

    /// Says something; the first time that also joins.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn talk(&mut self, content: &str) {
        self.send("talk", content);
    }

    /// Asks who is there.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn ask_who(&mut self) {
        self.send("userlist", "");
    }

    /// Leaves as the original does: says so, an empty Close frame, and the end of the connection.
    ///
    /// # Panics
    /// When the connection is gone.
    pub fn exit(mut self) {
        self.send("exit", "exit");
        self.writer.close(None).expect("the server still listens");
        self.writer.shut_down();
    }

    /// Is gone without a word.
    pub fn vanish(self) {
        self.writer.shut_down();
    }

    /// What it has seen so far.
    ///
    /// # Panics
    /// When its reader failed.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().expect("it could read all that came").clone()
    }

    /// Waits until it has seen something.
    pub async fn until(&self, what: &str, test: impl Fn(&Seen) -> bool) -> Seen {
        eventually(&format!("{}'s desktop: {what}", self.name), async || {
            let seen = self.seen();
            if test(&seen) { Ok(seen) } else { Err(format!("{seen:#?}")) }
        })
        .await
    }

    fn send(&mut self, kind: &str, content: &str) {
        let frame = Frame::new(&self.name, kind, content).encode();
        self.writer.write(TEXT, &frame).expect("the server still listens");
    }
}
