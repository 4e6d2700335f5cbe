//! What a user types that is no message.

use parlour_core::status::Status;

/// What a typed text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// To be said.
    Text(&'a str),
    /// `/exit`: leave.
    Exit,
    /// `/who`: who is there.
    Who,
    /// `/help`: what commands there are.
    Help,
}

/// Tells a command from a message: a slash and a word on a line of its own. `//word` says `/word`; a path
/// like `/etc/hosts` is no command.
///
/// # Errors
/// [`Status::UnknownCommand`].
pub fn parse(typed: &str) -> Result<Typed<'_>, Status> {
    let Some(rest) = typed.trim().strip_prefix('/') else { return Ok(Typed::Text(typed)) };
    if rest.starts_with('/') {
        return Ok(Typed::Text(rest));
    }
    let word = rest.split(char::is_whitespace).next().unwrap_or("");
    if rest.contains('\n')
        || word.is_empty()
        || word.contains(|c: char| c.is_ascii() && !c.is_ascii_alphabetic())
    {
        return Ok(Typed::Text(typed));
    }
    match word.to_ascii_lowercase().as_str() {
        "exit" | "quit" => Ok(Typed::Exit),
        "who" | "names" => Ok(Typed::Who),
        "help" => Ok(Typed::Help),
        _ => Err(Status::UnknownCommand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_messages() {
        assert_eq!(parse("/exit"), Ok(Typed::Exit));
        assert_eq!(parse(" /WHO "), Ok(Typed::Who));
        assert_eq!(parse("/help me"), Ok(Typed::Help));
        assert_eq!(parse("/nick tom"), Err(Status::UnknownCommand));
        for text in ["exit", "userlist", "/etc/hosts", "/", "/ exit", "1/2", "/exit\nnow", "/3"] {
            assert_eq!(parse(text), Ok(Typed::Text(text)), "{text}");
        }
        assert_eq!(parse("//exit"), Ok(Typed::Text("/exit")));
    }
}
