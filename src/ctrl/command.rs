//! Commands typed into the composer.

use parlour_core::status::Status;

/// The meaning of a typed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A message.
    Message(&'a str),
    /// `/exit`: leave.
    Leave,
    /// `/who`: list the members.
    ListMembers,
    /// `/help`: list the commands.
    Help,
    /// A command about rooms or the account.
    Room(RoomCommand<'a>),
}

/// A command about rooms or the account. Without its argument, which is empty then, it opens a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomCommand<'a> {
    /// `/nick name`: change the nick.
    ChangeNick(&'a str),
    /// `/topic text`: change the topic of the open room.
    SetTopic(&'a str),
    /// `/invite name`: invite somebody to the open room.
    Invite(&'a str),
    /// `/join room`: join a public room and open it, or open a room of the list.
    Join(&'a str),
    /// `/leave`: leave the open room.
    Leave,
}

/// Distinguishes commands from messages. A command is a slash and a word on a single line. `//word` sends `/word`; a path
/// like `/etc/hosts` is a message.
///
/// # Errors
/// [`Status::UnknownCommand`].
pub fn parse(typed: &str) -> Result<Input<'_>, Status> {
    let Some(rest) = typed.trim().strip_prefix('/') else { return Ok(Input::Message(typed)) };
    if rest.starts_with('/') {
        return Ok(Input::Message(rest));
    }
    let word = rest.split(char::is_whitespace).next().unwrap_or("");
    if rest.contains('\n')
        || word.is_empty()
        || word.contains(|c: char| c.is_ascii() && !c.is_ascii_alphabetic())
    {
        return Ok(Input::Message(typed));
    }
    let argument = rest.strip_prefix(word).unwrap_or("").trim();
    let room_command = |command| Ok(Input::Room(command));
    match word.to_ascii_lowercase().as_str() {
        "exit" | "quit" => Ok(Input::Leave),
        "who" | "names" => Ok(Input::ListMembers),
        "help" => Ok(Input::Help),
        "nick" | "name" => room_command(RoomCommand::ChangeNick(argument)),
        "topic" => room_command(RoomCommand::SetTopic(argument)),
        "invite" => room_command(RoomCommand::Invite(without_sign(argument, '@'))),
        "join" | "j" => room_command(RoomCommand::Join(without_sign(argument, '#'))),
        "leave" | "part" => room_command(RoomCommand::Leave),
        _ => Err(Status::UnknownCommand),
    }
}

/// A name without the sign that other programs have before names of people or rooms.
fn without_sign(name: &str, sign: char) -> &str {
    name.strip_prefix(sign).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_distinguished_from_messages() {
        assert_eq!(parse("/exit"), Ok(Input::Leave));
        assert_eq!(parse(" /WHO "), Ok(Input::ListMembers));
        assert_eq!(parse("/help me"), Ok(Input::Help));
        assert_eq!(parse("/nonsense tom"), Err(Status::UnknownCommand));
        for text in ["exit", "userlist", "/etc/hosts", "/", "/ exit", "1/2", "/exit\nnow", "/3"] {
            assert_eq!(parse(text), Ok(Input::Message(text)), "{text}");
        }
        assert_eq!(parse("//exit"), Ok(Input::Message("/exit")));
    }

    #[test]
    fn commands_about_rooms_have_an_argument_or_none() {
        for (typed, expected) in [
            ("/nick Mary Ann", RoomCommand::ChangeNick("Mary Ann")),
            (" /NICK ", RoomCommand::ChangeNick("")),
            ("/topic  to be, or not ", RoomCommand::SetTopic("to be, or not")),
            ("/invite @ann", RoomCommand::Invite("ann")),
            ("/invite", RoomCommand::Invite("")),
            ("/join #rust news", RoomCommand::Join("rust news")),
            ("/j #", RoomCommand::Join("#")),
            ("/part", RoomCommand::Leave),
            ("/leave now", RoomCommand::Leave),
        ] {
            assert_eq!(parse(typed), Ok(Input::Room(expected)), "{typed}");
        }
        assert_eq!(parse("/topic one\ntwo"), Ok(Input::Message("/topic one\ntwo")));
    }
}
