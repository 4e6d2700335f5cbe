//! A client of the rich dialect that sends messages and changes them, with this crate's own protocol code.

use crate::{
    socket::{self, BINARY, Received, Writer},
    wire::{Envelope, field, number_field},
};

/// The field numbers of two extensions in `proto/chat.proto`.
const LOGIN: u64 = 15;
const COMMAND: u64 = 41;

/// A client in the lobby, under a nick of its own.
#[derive(Debug)]
pub struct RichPeer {
    writer: Writer,
    /// The number of commands, which their ids are made of.
    commands: u64,
}

impl RichPeer {
    /// Logs in to the server at `host:port`.
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn log_in(address: &str, nick: &str) -> Self {
        let (mut reader, mut writer) = socket::connect(address, &format!("username: {nick}"))
            .expect("the server accepts the connection");
        let mut login = Vec::new();
        number_field(&mut login, 1, 1);
        field(&mut login, 2, b"rooms");
        let mut envelope = Envelope::new(nick, "login", "");
        field(&mut envelope.unknown, LOGIN, &login);
        writer.write(BINARY, &envelope.encode()).expect("the connection is open");
        // The welcome. What follows has to be read, and is not needed.
        assert!(matches!(reader.read(), Ok(Received::Message(_))), "the server answers");
        std::thread::spawn(move || while let Ok(Received::Message(_)) = reader.read() {});
        Self { writer, commands: 0 }
    }

    /// Sends a message with the id `[id; 16]`.
    ///
    /// # Panics
    /// If the connection has ended.
    pub fn send(&mut self, id: u8, content: &str) {
        let mut envelope = Envelope::new("", "talk", content);
        field(&mut envelope.unknown, 6, &[id; 16]);
        self.writer.write(BINARY, &envelope.encode()).expect("the connection is open");
    }

    /// Gives the message with an ord and the id `[id; 16]` another text, or deletes its text if this is empty.
    ///
    /// # Panics
    /// If the connection has ended.
    pub fn change(&mut self, ord: u64, id: u8, content: &str) {
        self.commands += 1;
        let (mut change, mut command) = (Vec::new(), Vec::new());
        number_field(&mut change, 1, ord);
        field(&mut change, 2, &[id; 16]);
        if !content.is_empty() {
            field(&mut change, 3, content.as_bytes());
        }
        number_field(&mut command, 1, self.commands);
        let mut command_id = [0xC0; 16];
        command_id[8..].copy_from_slice(&self.commands.to_be_bytes());
        field(&mut command, 3, &command_id);
        field(&mut command, 21, &change);
        self.command(&command);
    }

    /// Reacts to a message of the lobby, or removes a reaction.
    ///
    /// # Panics
    /// If the connection is closed.
    pub fn react(&mut self, ord: u64, id: u8, emoji: &str, remove: bool) {
        self.commands += 1;
        let (mut react, mut command) = (Vec::new(), Vec::new());
        number_field(&mut react, 1, ord);
        field(&mut react, 2, &[id; 16]);
        field(&mut react, 3, emoji.as_bytes());
        if remove {
            number_field(&mut react, 4, 1);
        }
        number_field(&mut command, 1, self.commands);
        let mut command_id = [0xC0; 16];
        command_id[8..].copy_from_slice(&self.commands.to_be_bytes());
        field(&mut command, 3, &command_id);
        field(&mut command, 23, &react);
        self.command(&command);
    }

    fn command(&mut self, command: &[u8]) {
        let mut envelope = Envelope::default();
        field(&mut envelope.unknown, COMMAND, command);
        self.writer.write(BINARY, &envelope.encode()).expect("the connection is open");
    }
}
