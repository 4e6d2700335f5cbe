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
    match word.to_ascii_lowercase().as_str() {
        "exit" | "quit" => Ok(Input::Leave),
        "who" | "names" => Ok(Input::ListMembers),
        "help" => Ok(Input::Help),
        _ => Err(Status::UnknownCommand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_distinguished_from_messages() {
        assert_eq!(parse("/exit"), Ok(Input::Leave));
        assert_eq!(parse(" /WHO "), Ok(Input::ListMembers));
        assert_eq!(parse("/help me"), Ok(Input::Help));
        assert_eq!(parse("/nick tom"), Err(Status::UnknownCommand));
        for text in ["exit", "userlist", "/etc/hosts", "/", "/ exit", "1/2", "/exit\nnow", "/3"] {
            assert_eq!(parse(text), Ok(Input::Message(text)), "{text}");
        }
        assert_eq!(parse("//exit"), Ok(Input::Message("/exit")));
    }
}
