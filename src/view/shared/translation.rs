//! Translated texts in views.

use leptos::{either::Either, prelude::*};

use crate::{
    ctrl::use_store,
    i18n::{Key, Part, Texts, texts},
};

/// A text in the current language, for use as a child or as an attribute's value. Follows the locale.
pub fn tr(key: Key) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    let t = use_texts();
    move || t().text(key)
}

/// The texts of the current language, for texts with arguments. The returned function follows the locale.
pub fn use_texts() -> impl Fn() -> &'static Texts + Copy + Send + Sync + 'static {
    let locale = use_store().locale;
    move || texts(locale.get())
}

/// A sentence with nicks in it. Each nick is isolated, so that its writing direction does not affect the sentence.
#[component]
pub fn Sentence(parts: Vec<Part>) -> impl IntoView {
    parts
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Either::Left(text),
            Part::Name(nick) => Either::Right(view! { <bdi class="name">{nick}</bdi> }),
        })
        .collect_view()
}
