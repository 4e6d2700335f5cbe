//! Target `markup`: the tree of a message.

use parlour_core::markup::{Block, Inline, MAX_DEPTH, hides_host, host_of, may_have_markup, parse};

/// The length of the longest message that a server accepts by default, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Parses a message.
///
/// # Panics
/// If the tree is deeper or larger than documented, if a link leads to another URL than an allowed one, or if letters or digits of
/// a text without markup are missing.
pub fn markup(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(MAX_BYTES)]);
    let document = parse(&text);
    let mut tree = Tree { nodes: 0, depth: 0 };
    tree.blocks(&document.blocks, 1);
    assert!(tree.depth <= 2 * MAX_DEPTH, "{} levels in {text:?}", tree.depth);
    assert!(tree.nodes <= 4 * text.len(), "{} nodes in {text:?}", tree.nodes);
    assert!(document.line(100).chars().count() <= 100);
    if !may_have_markup(&text) {
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        assert_eq!(letters(&document.text()), letters(&text));
    }
}

struct Tree {
    nodes: usize,
    depth: usize,
}

impl Tree {
    fn count(&mut self, depth: usize) {
        self.nodes += 1;
        self.depth = self.depth.max(depth);
    }

    fn blocks(&mut self, blocks: &[Block], depth: usize) {
        for block in blocks {
            self.count(depth);
            match block {
                Block::Paragraph(content) | Block::Heading(content) => self.inlines(content, depth + 1),
                Block::Code { .. } | Block::Emoji(_) => {}
                Block::Quote(blocks) => self.blocks(blocks, depth + 1),
                Block::List(items) => {
                    for item in items {
                        self.count(depth + 1);
                        self.blocks(&item.blocks, depth + 2);
                    }
                }
            }
        }
    }

    fn inlines(&mut self, inlines: &[Inline], depth: usize) {
        for inline in inlines {
            self.count(depth);
            match inline {
                Inline::Text(text) => assert!(!text.contains('\n')),
                Inline::Break | Inline::Code(_) => {}
                Inline::Styled(_, content) => self.inlines(content, depth + 1),
                Inline::Link { url, content } => {
                    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
                    assert!(matches!(&*scheme, "http" | "https" | "mailto"), "{url:?}");
                    // The browser has another one for letters beyond ASCII.
                    let host = &url[host_of(url)];
                    let is_shown = matches!(&content[..], [Inline::Text(text)] if text == host);
                    assert!(!(is_shown && hides_host(content, url, host)), "{url:?}");
                    self.inlines(content, depth + 1);
                }
            }
        }
    }
}
