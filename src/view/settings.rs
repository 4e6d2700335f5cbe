//! The language and the colours, on both pages.

use leptos::prelude::*;

use super::{
    icon::{self, icon},
    words::use_words,
};
use crate::{
    ctrl::{Theme, use_store},
    i18n::{Locale, texts},
};

/// Two small menus.
#[component]
pub fn Settings() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let languages = Locale::ALL.map(|locale| {
        view! {
            <option value=locale.tag() lang=locale.tag() selected=move || store.locale().get() == locale>
                {texts(locale).name}
            </option>
        }
    });
    let themes = [Theme::System, Theme::Light, Theme::Dark].map(|theme| {
        let words = move || match theme {
            Theme::System => t().theme_system,
            Theme::Light => t().theme_light,
            Theme::Dark => t().theme_dark,
        };
        view! {
            <option value=theme.as_str() selected=move || store.theme().get() == theme>{words}</option>
        }
    });
    let choose_language = move |event| {
        if let Some(locale) = Locale::from_tag(&event_target_value(&event)) {
            store.set_locale(locale);
        }
    };
    let choose_theme = move |event| store.set_theme(Theme::parse(&event_target_value(&event)));
    view! {
        <div class="settings" role="group" aria-label=move || t().settings>
            <span class="choice">
                {icon(icon::LANGUAGE)}
                <select id="language" aria-label=move || t().language on:change=choose_language>
                    {languages}
                </select>
            </span>
            <span class="choice">
                {icon(icon::THEME)}
                <select id="theme" aria-label=move || t().theme on:change=choose_theme>
                    {themes}
                </select>
            </span>
        </div>
    }
}
