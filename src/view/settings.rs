//! The language and the colours, on both pages.

use leptos::{ev::Event, prelude::*};

use super::{
    dom::{El, el},
    icon::{self, icon},
    words::Word,
};
use crate::{
    ctrl::{Theme, use_store},
    i18n::Locale,
};

/// Two small menus.
#[component]
pub fn Settings() -> El {
    let store = use_store();
    // One that can't be had puts the menu back.
    let language = el("select#language").words_attr("aria-label", Word::Language);
    let languages = Locale::ALL.into_iter().fold(language, |menu, locale| {
        let tag = locale.tag();
        let chosen = move || store.locale().get() == locale;
        menu.child(option(tag, chosen).attr("lang", tag).text(locale.name()))
    });
    let theme = el("select#theme").words_attr("aria-label", Word::Theme);
    let themes = [Theme::System, Theme::Light, Theme::Dark].into_iter().fold(theme, |menu, theme| {
        let chosen = move || store.theme().get() == theme;
        menu.child(option(theme.as_str(), chosen).words(match theme {
            Theme::System => Word::ThemeSystem,
            Theme::Light => Word::ThemeLight,
            Theme::Dark => Word::ThemeDark,
        }))
    });
    let choose_language = move |event: Event| {
        if let Some(locale) = Locale::from_tag(&event_target_value(&event)) {
            store.set_locale(locale);
        }
    };
    let choose_theme = move |event: Event| store.set_theme(Theme::parse(&event_target_value(&event)));
    el("div.settings")
        .attr("role", "group")
        .words_attr("aria-label", Word::Settings)
        .child(el("span.choice").child(icon(icon::LANGUAGE)).child(
            languages.value_fn(move || store.locale().get().tag().into()).on("change", choose_language),
        ))
        .child(el("span.choice").child(icon(icon::THEME)).child(themes.on("change", choose_theme)))
}

fn option(value: &str, chosen: impl Fn() -> bool + 'static) -> El {
    el("option").attr("value", value).attr_fn("selected", chosen)
}
