//! What clients send to a hub.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    wire::{self, client_command::Operation},
};

/// The login of a client with the capability "rooms".
pub fn login_of(nick: &str, login: wire::Login) -> Envelope {
    let capabilities = ["batch", "rooms"].map(Into::into).into();
    codec::login(nick, wire::Login { version: 1, capabilities, ..login })
}

/// A command in the lobby.
pub fn command(request: u32, operation: Operation) -> Envelope {
    let operation = Some(operation);
    codec::extension(Extension::Command(wire::ClientCommand {
        request,
        id: MessageId::new(request.into(), [9; 10]).0.to_vec(),
        operation,
        ..wire::ClientCommand::default()
    }))
}

/// A message of a rich client.
pub fn talk(id: u8, content: &str) -> Envelope {
    codec::message("", Some(MessageId([id; 16])), content)
}
