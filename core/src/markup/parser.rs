//! Maps the events of pulldown-cmark to the tree.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{
    Block, Inline, Item, MAX_DEPTH, Style,
    inlines::{Piece, finish},
    links,
};

/// The blocks of a part of a text.
pub(super) fn parse(source: &str) -> Vec<Block> {
    let frame = Frame::new(Kind::Blocks);
    let mut builder = Builder { source, parents: Vec::new(), frame, covered: 0, skipped: 0 };
    for (event, range) in Parser::new_ext(source, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        builder.handle(event, range);
    }
    builder.finish()
}

struct Builder<'a> {
    source: &'a str,
    /// The innermost open element.
    frame: Frame,
    /// The open elements that it is in, the innermost last.
    parents: Vec<Frame>,
    /// The end of what was handled in the source.
    covered: usize,
    /// The number of open elements that are shown as they were typed.
    skipped: usize,
}

/// An open element.
struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    items: Vec<Item>,
    pieces: Vec<Piece>,
}

enum Kind {
    /// The root, or an element whose content is that of its parent.
    Blocks,
    Quote,
    List,
    Item(Option<String>),
    Paragraph,
    Heading,
    Code(String),
    Styled(Style),
    /// With its URL.
    Link(String),
    /// An element whose content is that of its parent.
    Inlines,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new(), items: Vec::new(), pieces: Vec::new() }
    }

    /// Ends the text that is no paragraph of its own, as in a list without empty lines.
    fn end_text(&mut self) {
        let content = finish(std::mem::take(&mut self.pieces), true);
        if !content.is_empty() {
            self.blocks.push(Block::Paragraph(content));
        }
    }
}

impl Builder<'_> {
    fn handle(&mut self, event: Event<'_>, range: Range<usize>) {
        if self.skipped > 0 {
            match event {
                Event::Start(_) => self.skipped += 1,
                Event::End(_) => self.skipped -= 1,
                _ => {}
            }
            return;
        }
        if !is_block(&event) {
            self.begin_text(&range);
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => {
                if is_container(tag) {
                    self.add_definitions(range.end);
                }
                self.end();
                self.covered = self.covered.max(range.end);
            }
            Event::Text(text) => {
                // An entity is shown as it was typed.
                let typed = &self.source[range.clone()];
                let is_entity = typed.starts_with('&') && typed.ends_with(';');
                let text = if is_entity { typed } else { &text };
                self.text(text);
                self.covered = self.covered.max(range.end);
            }
            Event::Code(code) => self.inline(Inline::Code(code.into_string()), &range),
            Event::SoftBreak => self.line_break(&range),
            Event::HardBreak => {
                if self.source[range.clone()].starts_with('\\') {
                    self.text("\\");
                }
                self.line_break(&range);
            }
            Event::Rule => {
                self.begin_block(&range);
                let text = self.source[range.clone()].trim().to_owned();
                self.frame.blocks.push(Block::Paragraph(vec![Inline::Text(text)]));
                self.covered = self.covered.max(range.end);
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                self.text(&text);
                self.covered = self.covered.max(range.end);
            }
            // The options enable none of the others.
            _ => {
                self.typed_text(&range);
                self.covered = self.covered.max(range.end);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let is_deep = self.parents.len() + 1 >= MAX_DEPTH;
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.open_block(Kind::Paragraph, &range),
            Tag::Heading { .. } if self.source[range.clone()].trim_start().starts_with('#') => {
                self.open_block(Kind::Heading, &range);
            }
            Tag::Heading { .. } => {
                // A text and a line that consists of `-` or `=`. Its markup is not parsed.
                self.begin_block(&range);
                self.typed_text(&range);
                self.frame.end_text();
                self.covered = self.covered.max(range.end);
                self.skipped = 1;
            }
            Tag::BlockQuote(_) => self.open_block(if is_deep { Kind::Blocks } else { Kind::Quote }, &range),
            Tag::List(_) => self.open_block(if is_deep { Kind::Blocks } else { Kind::List }, &range),
            Tag::Item => {
                let number = number_of_item(&self.source[range.clone()]);
                if matches!(self.frame.kind, Kind::List) {
                    self.open_block(Kind::Item(number), &range);
                } else {
                    self.open_block(Kind::Blocks, &range);
                    if let Some(number) = number {
                        self.text(&format!("{number}. "));
                    }
                }
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => {
                // As it was typed: the event has no entities.
                let line = self.source[range.clone()].trim_start().lines().next().unwrap_or_default();
                let language = line.trim_start_matches(['`', '~']).trim().to_owned();
                self.open_block(Kind::Code(language), &range);
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => self.open_block(Kind::Paragraph, &range),
            Tag::Strong => self.open(styled(Style::Bold, is_deep)),
            Tag::Emphasis => self.open(styled(Style::Italic, is_deep)),
            Tag::Strikethrough if self.source[range.clone()].starts_with("~~") => {
                self.open(styled(Style::Strike, is_deep));
            }
            Tag::Link { link_type, dest_url, title, .. } => {
                let url = match link_type {
                    LinkType::Email => Some(format!("mailto:{dest_url}")),
                    _ if title.is_empty() => links::allowed(&dest_url),
                    _ => None,
                };
                match url {
                    Some(url) if !is_deep => self.open(Kind::Link(url)),
                    _ => self.show_as_typed(&range),
                }
            }
            // `~one tilde~`, and images. The options enable none of the others.
            _ => self.show_as_typed(&range),
        }
    }

    // ---- blocks

    /// Ends the text before a block, and adds the definitions there.
    fn begin_block(&mut self, range: &Range<usize>) {
        self.frame.end_text();
        self.add_definitions(range.start);
    }

    /// Adds the definitions before the first text of an element that is no paragraph.
    fn begin_text(&mut self, range: &Range<usize>) {
        let frame = &mut self.frame;
        if frame.pieces.is_empty() && matches!(frame.kind, Kind::Blocks | Kind::Item(_)) {
            self.add_definitions(range.start);
        }
    }

    fn open_block(&mut self, kind: Kind, range: &Range<usize>) {
        self.begin_block(range);
        self.covered = self.covered.max(range.start);
        self.open(kind);
    }

    /// Adds the definitions of links up to this place, e.g. `[name]: https://example.org`, which have no events.
    fn add_definitions(&mut self, end: usize) {
        let passed = self.source.get(self.covered..end).unwrap_or_default();
        // Other text without events consists of the marks of quotes and lists.
        let Some(at) = passed.find('[') else { return };
        self.frame.end_text();
        self.typed_text(&(self.covered + at..end));
        self.frame.end_text();
        self.covered = end;
    }

    // ---- inlines

    fn open(&mut self, kind: Kind) {
        self.parents.push(std::mem::replace(&mut self.frame, Frame::new(kind)));
    }

    fn text(&mut self, text: &str) {
        let frame = &mut self.frame;
        if let Kind::Code(_) = frame.kind {
            frame.pieces.push(Piece::Inline(Inline::Text(text.to_owned())));
            return;
        }
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                frame.pieces.push(Piece::Inline(Inline::Break));
            }
            for (number, part) in line.split("||").enumerate() {
                if number > 0 {
                    frame.pieces.push(Piece::SpoilerMark);
                }
                if !part.is_empty() {
                    frame.pieces.push(Piece::Inline(Inline::Text(part.to_owned())));
                }
            }
        }
    }

    fn inline(&mut self, inline: Inline, range: &Range<usize>) {
        self.frame.pieces.push(Piece::Inline(inline));
        self.covered = self.covered.max(range.end);
    }

    fn line_break(&mut self, range: &Range<usize>) {
        self.inline(Inline::Break, range);
    }

    /// Shows a part of the source, without the marks of the quote at the beginnings of its lines.
    fn typed_text(&mut self, range: &Range<usize>) {
        let (source, is_quote) = (self.source, self.source.trim_start().starts_with('>'));
        for (number, line) in source[range.clone()].trim_end().split('\n').enumerate() {
            if number > 0 {
                self.frame.pieces.push(Piece::Inline(Inline::Break));
            }
            let is_marked = number > 0 && is_quote;
            self.text(if is_marked { line.trim_start_matches([' ', '>']) } else { line });
        }
    }

    /// Shows an element, whose start was handled last, as it was typed.
    fn show_as_typed(&mut self, range: &Range<usize>) {
        self.typed_text(range);
        self.covered = self.covered.max(range.end);
        self.skipped = 1;
    }

    // ---- ends

    /// Closes the innermost element.
    fn end(&mut self) {
        let Some(parent) = self.parents.pop() else { return };
        let mut frame = std::mem::replace(&mut self.frame, parent);
        let parent = &mut self.frame;
        match frame.kind {
            Kind::Blocks => {
                frame.end_text();
                parent.blocks.append(&mut frame.blocks);
            }
            Kind::Quote => {
                frame.end_text();
                parent.blocks.push(Block::Quote(frame.blocks));
            }
            Kind::Item(ref mut number) => {
                let number = number.take();
                frame.end_text();
                parent.items.push(Item { number, blocks: frame.blocks });
            }
            Kind::List => parent.blocks.push(Block::List(frame.items)),
            Kind::Paragraph => {
                frame.end_text();
                parent.blocks.append(&mut frame.blocks);
            }
            Kind::Heading => {
                let content = finish(frame.pieces, true);
                if !content.is_empty() {
                    parent.blocks.push(Block::Heading(content));
                }
            }
            Kind::Code(language) => {
                let mut text: String = frame.pieces.into_iter().map(Piece::into_text).collect();
                if text.ends_with('\n') {
                    text.pop();
                }
                parent.blocks.push(Block::Code { language, text });
            }
            Kind::Styled(style) => {
                let content = finish(frame.pieces, true);
                parent.pieces.push(Piece::Inline(Inline::Styled(style, content)));
            }
            Kind::Link(url) => {
                let content = finish(frame.pieces, false);
                parent.pieces.push(Piece::Inline(Inline::Link { url, content }));
            }
            Kind::Inlines => parent.pieces.append(&mut frame.pieces),
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.add_definitions(self.source.len());
        while !self.parents.is_empty() {
            self.end();
        }
        self.frame.end_text();
        self.frame.blocks
    }
}

fn styled(style: Style, is_deep: bool) -> Kind {
    if is_deep { Kind::Inlines } else { Kind::Styled(style) }
}

/// Returns `true` for the events of elements that begin on a line of their own.
fn is_block(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::Paragraph
                | Tag::HtmlBlock
                | Tag::Heading { .. }
                | Tag::BlockQuote(_)
                | Tag::List(_)
                | Tag::Item
                | Tag::CodeBlock(_)
        ),
        Event::End(_) | Event::Rule => true,
        _ => false,
    }
}

fn is_container(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item)
}

/// The number of an item of an ordered list, as it was typed.
fn number_of_item(item: &str) -> Option<String> {
    let digits = item.trim_start().split_once(['.', ')']).map(|(digits, _)| digits)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.to_owned())
}
