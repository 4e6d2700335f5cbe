//! The language and the colour scheme.

use leptos::{ev::Event, prelude::*};

use super::shared::{Icon, icon, tr};
use crate::{
    ctrl::{Theme, use_store},
    i18n::{Key, Locale},
};

/// The menus for language and colour scheme, on the login page and in the room. Follows the store's locale and theme.
#[component]
pub fn Settings() -> impl IntoView {
    view! {
        <div class="settings" role="group" aria-label=tr(Key::SettingsTitle)>
            <span class="choice"><Icon path=icon::LANGUAGE/><LanguageMenu/></span>
            <span class="choice"><Icon path=icon::THEME/><ThemeMenu/></span>
        </div>
    }
}

#[component]
fn LanguageMenu() -> impl IntoView {
    let store = use_store();
    let options = Locale::ALL.into_iter().map(|locale| {
        let tag = locale.tag();
        view! {
            <option value=tag lang=tag selected=move || store.locale.get() == locale>{locale.name()}</option>
        }
    });
    let choose = move |event: Event| {
        if let Some(locale) = Locale::from_tag(&event_target_value(&event)) {
            store.set_locale(locale);
        }
    };
    let shown = move || {
        // Written again if the chosen language cannot be loaded, which resets the menu.
        store.missing_languages.track();
        store.locale.get().tag()
    };
    view! {
        <select
            id="language" aria-label=tr(Key::SettingsLanguage) prop:value=shown on:change=choose
        >
            {options.collect_view()}
        </select>
    }
}

#[component]
fn ThemeMenu() -> impl IntoView {
    let store = use_store();
    let themes = [
        (Theme::System, Key::SettingsThemeSystem),
        (Theme::Light, Key::SettingsThemeLight),
        (Theme::Dark, Key::SettingsThemeDark),
    ];
    let options = themes.into_iter().map(|(theme, name)| {
        view! {
            <option value=theme.as_str() selected=move || store.theme.get() == theme>{tr(name)}</option>
        }
    });
    let choose = move |event: Event| store.set_theme(Theme::parse(&event_target_value(&event)));
    view! {
        <select id="theme" aria-label=tr(Key::SettingsTheme) on:change=choose>{options.collect_view()}</select>
    }
}
