//! The words in the language of the moment.

use leptos::prelude::*;

use crate::{
    ctrl::use_store,
    i18n::{Part, Texts, texts},
};

/// Reads the words; where it is called in a view, the view follows the language.
pub fn use_words() -> impl Fn() -> &'static Texts + Copy + Send + Sync + 'static {
    let locale = use_store().locale();
    move || texts(locale.get())
}

/// A sentence with names in it, each with its own direction of writing.
pub fn sentence(parts: Vec<Part>) -> impl IntoView {
    parts
        .into_iter()
        .map(|part| match part {
            Part::Words(words) => words.into_any(),
            Part::Name(name) => view! { <bdi class="name">{name.to_string()}</bdi> }.into_any(),
        })
        .collect_view()
}
