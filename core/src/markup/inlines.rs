//! Completes the content of a line: spoilers, and links for bare URLs.

use super::{Inline, Style, links};

/// A part of a line before its spoilers are known.
#[derive(Debug)]
pub(super) enum Piece {
    Inline(Inline),
    /// `||`
    SpoilerMark,
}

impl Piece {
    /// Its text if it is one.
    pub fn into_text(self) -> String {
        match self {
            Self::Inline(Inline::Text(text)) => text,
            Self::Inline(_) => String::new(),
            Self::SpoilerMark => "||".into(),
        }
    }
}

/// The content of an element, without line breaks at its ends. `with_links` unless it is in a link.
pub(super) fn finish(pieces: Vec<Piece>, with_links: bool) -> Vec<Inline> {
    let mut inlines = with_spoilers(pieces);
    let is_break = |inline: &&Inline| **inline == Inline::Break;
    inlines.truncate(inlines.len() - inlines.iter().rev().take_while(is_break).count());
    inlines.drain(..inlines.iter().take_while(is_break).count());
    if with_links { inlines.into_iter().flat_map(with_urls).collect() } else { inlines }
}

/// Pairs the marks of spoilers. Marks without a partner, and those with nothing between them, are text.
fn with_spoilers(pieces: Vec<Piece>) -> Vec<Inline> {
    let mut before = Vec::new();
    // The content after a mark.
    let mut hidden: Option<Vec<Inline>> = None;
    for piece in pieces {
        match (piece, &mut hidden) {
            (Piece::Inline(inline), None) => push(&mut before, inline),
            (Piece::Inline(inline), Some(hidden)) => push(hidden, inline),
            (Piece::SpoilerMark, None) => hidden = Some(Vec::new()),
            (Piece::SpoilerMark, Some(content)) if content.is_empty() => push_mark(content),
            (Piece::SpoilerMark, Some(content)) => {
                before.push(Inline::Styled(Style::Spoiler, std::mem::take(content)));
                hidden = None;
            }
        }
    }
    if let Some(content) = hidden {
        push_mark(&mut before);
        content.into_iter().for_each(|inline| push(&mut before, inline));
    }
    before
}

fn push_mark(inlines: &mut Vec<Inline>) {
    push(inlines, Inline::Text("||".into()));
}

/// Adds an inline, and joins texts.
fn push(inlines: &mut Vec<Inline>, inline: Inline) {
    match (inlines.last_mut(), inline) {
        (Some(Inline::Text(text)), Inline::Text(more)) => text.push_str(&more),
        (_, inline) => inlines.push(inline),
    }
}

fn with_urls(inline: Inline) -> Vec<Inline> {
    match inline {
        Inline::Text(text) => links::find(&text),
        Inline::Styled(Style::Spoiler, content) => {
            vec![Inline::Styled(Style::Spoiler, content.into_iter().flat_map(with_urls).collect())]
        }
        // The content of other styles was completed before.
        other => vec![other],
    }
}
