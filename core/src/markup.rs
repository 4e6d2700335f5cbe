//! The markup of messages: Markdown with the rules of chat, as a small tree that a view can draw without HTML.
//!
//! [`parse`] accepts any text, and loses none of it: what is no markup is text. It follows CommonMark (by `pulldown-cmark`)
//! except for these rules:
//!
//! | rule | reason |
//! | --- | --- |
//! | A line break is shown where it was typed. | Messages are not paragraphs of a document. |
//! | A quote ends with its last line that begins with `>`. | The reply to a quote is written below it. |
//! | HTML, images, tables and footnotes are text. | Nothing of a user becomes HTML, and no image is loaded from another server. |
//! | Indented lines are text. | Who indents a line seldom means code. |
//! | A heading is one bold line; a line below a text that consists of `-` or `=` is text. | |
//! | `---` is text. | |
//! | `~~strike~~` needs two tildes; `\|\|spoiler\|\|` hides text until it is clicked. | |
//! | Links lead to `http`, `https` and `mailto` only, and have no title. Bare URLs are links. | |
//! | An item of an ordered list has the number that was typed. | A message may begin with a year. |
//! | An entity such as `&amp;` is text. | |
//! | A message of up to six emoji is drawn large. | There is nothing else to read in it. |
//!
//! The tree is bounded: it has at most [`MAX_DEPTH`] levels, below which markup is text, and a number of nodes that is
//! proportional to the length of the text.

mod emoji;
mod format;
mod hosts;
mod inlines;
mod links;
mod parser;
mod paste;
mod plain;
mod segments;
#[cfg(test)]
mod tests;

pub use self::{
    emoji::is_one_emoji,
    format::{Format, Replacement},
    hosts::{hides_host, host_of},
    paste::{paste_table, paste_url},
};

/// The number of levels of nested markup: quotes, lists and styles. What is nested deeper is shown at this level.
pub const MAX_DEPTH: usize = 10;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its blocks, from top to bottom.
    pub blocks: Vec<Block>,
}

/// A part of a message that begins on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Text. Never empty.
    Paragraph(Vec<Inline>),
    /// A bold line.
    Heading(Vec<Inline>),
    /// A few emoji. There is nothing else in the message.
    Emoji(String),
    /// Lines that are shown as they were typed.
    Code {
        /// The word after the opening fence, e.g. `rust`. May be empty.
        language: String,
        /// The lines, without the last line break.
        text: String,
    },
    /// A quote.
    Quote(Vec<Block>),
    /// A list.
    List(Vec<Item>),
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The number that was typed; `None` in a list without numbers.
    pub number: Option<String>,
    /// The content.
    pub blocks: Vec<Block>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Text without line breaks.
    Text(String),
    /// A line break.
    Break,
    /// Styled text.
    Styled(Style, Vec<Inline>),
    /// Text that is shown as it was typed.
    Code(String),
    /// A link.
    Link {
        /// An absolute URL with one of the [allowed schemes](self).
        url: String,
        /// The text to click.
        content: Vec<Inline>,
    },
}

/// A style of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `**bold**`
    Bold,
    /// `*italic*`
    Italic,
    /// `~~strike~~`
    Strike,
    /// `||spoiler||`: hidden until the reader asks for it.
    Spoiler,
}

/// Parses the text of a message.
#[must_use]
pub fn parse(text: &str) -> Document {
    if emoji::is_emoji(text) {
        return Document { blocks: vec![Block::Emoji(text.trim_matches(' ').to_owned())] };
    }
    Document { blocks: segments::split(text).flat_map(parser::parse).collect() }
}

/// Returns `true` if a text may contain markup, so that [`parse`] is worth its time. A text for which it returns `false` is
/// shown as it is.
#[must_use]
pub fn may_have_markup(text: &str) -> bool {
    let is_mark = |byte: u8| {
        matches!(byte, b'*' | b'_' | b'`' | b'~' | b'|' | b'[' | b'<' | b'>' | b'#' | b'\\' | b':')
    };
    // An item of a list, or an emoji.
    let is_first =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+') || emoji::may_begin_with(byte);
    let mut is_start = true;
    text.bytes().any(|byte| {
        let is_found = is_mark(byte) || is_start && is_first(byte);
        is_start = byte == b'\n' || is_start && byte.is_ascii_whitespace();
        is_found
    })
}
