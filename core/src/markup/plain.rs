//! A message without its markup.

use super::{Block, Document, Inline, Style};

/// Stands for the text of a spoiler in a preview.
const HIDDEN: &str = "▒▒▒";

impl Document {
    /// The text with its line breaks, for copying. It includes the text of spoilers.
    #[must_use]
    pub fn text(&self) -> String {
        let mut writer = Writer { text: String::new(), shows_spoilers: true, is_after_marker: false };
        writer.blocks(&self.blocks);
        writer.text
    }

    /// The text on one line, for previews and notifications, without the text of spoilers. At most this number of characters, the
    /// last of which is an ellipsis if the text is longer.
    #[must_use]
    pub fn line(&self, max_chars: usize) -> String {
        let mut writer = Writer { text: String::new(), shows_spoilers: false, is_after_marker: false };
        writer.blocks(&self.blocks);
        let mut line = String::new();
        for word in writer.text.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if let Some((end, _)) = line.char_indices().nth(max_chars) {
            let kept = line[..end].char_indices().next_back().map_or(0, |(at, _)| at);
            line.truncate(kept);
            line.push('…');
        }
        line
    }
}

/// The text of a part of a line, with the text of spoilers.
pub(super) fn text_of(inlines: &[Inline]) -> String {
    let mut writer = Writer { text: String::new(), shows_spoilers: true, is_after_marker: false };
    writer.inlines(inlines);
    writer.text
}

struct Writer {
    text: String,
    shows_spoilers: bool,
    /// The text ends with the number or the point of an item, on whose line the item begins.
    is_after_marker: bool,
}

impl Writer {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            let is_on_line = std::mem::take(&mut self.is_after_marker);
            if !is_on_line && !self.text.is_empty() && !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            match block {
                Block::Paragraph(content) | Block::Heading(content) => self.inlines(content),
                Block::Code { text, .. } | Block::Emoji(text) => self.text.push_str(text),
                Block::Quote(blocks) => self.blocks(blocks),
                Block::List(items) => {
                    for item in items {
                        if !self.text.is_empty() && !self.text.ends_with('\n') {
                            self.text.push('\n');
                        }
                        match &item.number {
                            Some(number) => self.text.extend([number, ". "]),
                            None => self.text.push_str("• "),
                        }
                        self.is_after_marker = true;
                        self.blocks(&item.blocks);
                        self.is_after_marker = false;
                    }
                }
            }
        }
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            match inline {
                Inline::Text(text) | Inline::Code(text) => self.text.push_str(text),
                Inline::Break => self.text.push('\n'),
                Inline::Styled(Style::Spoiler, _) if !self.shows_spoilers => self.text.push_str(HIDDEN),
                Inline::Styled(_, content) | Inline::Link { content, .. } => self.inlines(content),
            }
        }
    }
}
