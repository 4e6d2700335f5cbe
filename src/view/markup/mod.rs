//! The text of a message with its markup.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the text, as it was typed until the part of the client that draws markup is loaded |
//! | `part` | loads that part |
//! | `paste` | pasting a URL onto a text, or a table, into the text that is being written |
//! | `blocks` | draws the tree of a text as elements, never as HTML |
//! | `link` | links to rooms of the page and to other pages |
//! | `spoiler` | text that is hidden until the reader asks for it |

mod blocks;
mod link;
mod part;
mod paste;
mod spoiler;

use std::sync::Arc;

use leptos::{either::Either, prelude::*};
use parlour_core::markup::may_have_markup;

pub use self::part::preload_markup;

/// The functions of the part, as pointers, so that nothing outside of the part refers to the code.
#[derive(Clone, Copy)]
struct MarkupPart {
    /// Draws it with its markup.
    draw: fn(&str) -> AnyView,
    /// The text on one line, without its markup and without what spoilers hide.
    line: fn(&str) -> String,
}

/// The part; `None` until it is loaded. To be provided as a context.
#[derive(Clone, Copy)]
pub struct Markup(RwSignal<Option<MarkupPart>>);

impl Markup {
    /// Loads the part.
    pub fn new() -> Self {
        let markup = Self(RwSignal::new(None));
        part::load_into(markup.0);
        markup
    }

    /// A text on one line, without its markup and without what spoilers hide. As it was typed if it has no markup, and until the
    /// part is loaded.
    pub fn line(self, text: &str) -> String {
        let part = self.0.get_untracked().filter(|_| may_have_markup(text));
        part.map_or_else(|| text.to_owned(), |part| (part.line)(text))
    }
}

/// The text of a message. Follows the [`Markup`].
#[component]
pub fn MessageText(
    /// The text as it was typed.
    content: Arc<str>,
) -> impl IntoView {
    if !may_have_markup(&content) {
        return Either::Left(content.to_string());
    }
    let Markup(part) = expect_context::<Markup>();
    Either::Right(move || match part.get() {
        Some(part) => (part.draw)(&content),
        None => content.to_string().into_any(),
    })
}
