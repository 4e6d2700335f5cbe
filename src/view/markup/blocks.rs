//! Draws the tree of a text.

use leptos::prelude::*;
use parlour_core::markup::{Block, Inline, Item, Style, parse};

use super::{link::link, spoiler::Spoiler};

/// Draws a text with its markup.
pub fn draw(text: &str) -> AnyView {
    blocks(parse(text).blocks)
}

/// The text on one line, without its markup and without what spoilers hide.
pub fn line(text: &str) -> String {
    parse(text).line(usize::MAX)
}

fn blocks(list: Vec<Block>) -> AnyView {
    list.into_iter().map(block).collect_view().into_any()
}

fn block(block: Block) -> AnyView {
    match block {
        Block::Paragraph(content) => view! { <p>{inlines(content)}</p> }.into_any(),
        Block::Heading(content) => {
            view! { <p class="heading"><strong>{inlines(content)}</strong></p> }.into_any()
        }
        Block::Emoji(text) => view! { <p class="emoji">{text}</p> }.into_any(),
        // It can be scrolled, so it can have the focus.
        Block::Code { language, text } => view! {
            <pre tabindex="0" data-language=language><code translate="no">{text}</code></pre>
        }
        .into_any(),
        Block::Quote(content) => view! { <blockquote>{blocks(content)}</blockquote> }.into_any(),
        Block::List(items) if items.first().is_some_and(|item| item.number.is_some()) => {
            view! { <ol>{items.into_iter().map(item).collect_view()}</ol> }.into_any()
        }
        Block::List(items) => view! { <ul>{items.into_iter().map(item).collect_view()}</ul> }.into_any(),
    }
}

fn item(item: Item) -> impl IntoView {
    // At most nine digits.
    let value = item.number.and_then(|number| number.parse::<i32>().ok());
    view! { <li value=value>{blocks(item.blocks)}</li> }
}

/// Draws a part of a line.
pub fn inlines(list: Vec<Inline>) -> AnyView {
    list.into_iter().map(inline).collect_view().into_any()
}

fn inline(inline: Inline) -> AnyView {
    match inline {
        Inline::Text(text) => text.into_any(),
        Inline::Break => view! { <br/> }.into_any(),
        Inline::Code(text) => view! { <code translate="no">{text}</code> }.into_any(),
        Inline::Link { url, content } => link(url, content),
        Inline::Styled(style, content) => {
            let content = inlines(content);
            match style {
                Style::Bold => view! { <strong>{content}</strong> }.into_any(),
                Style::Italic => view! { <em>{content}</em> }.into_any(),
                Style::Strike => view! { <s>{content}</s> }.into_any(),
                Style::Spoiler => view! { <Spoiler content/> }.into_any(),
            }
        }
    }
}
