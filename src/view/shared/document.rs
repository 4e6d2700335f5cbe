//! Effects on the whole document: its title, language and colours, whether it has the focus, and its height above an
//! on-screen keyboard.

use futures_channel::oneshot;
use gloo_events::EventListener;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlLinkElement, HtmlMetaElement, VisualViewport};

use crate::ctrl::{Theme, use_store};

/// The colours of the browser's own frame, light and dark: `--paper` in the stylesheet.
const FRAME_COLORS: [&str; 2] = ["#f5f1e8", "#121613"];

/// An on-screen keyboard is assumed if at least this much of the window is covered.
const MIN_KEYBOARD_PX: f64 = 60.0;

/// Applies the store's title, the name of the open room, the unread count, locale and theme to the document, and reports the document's focus to the
/// store. Called once by the app.
pub fn sync_document() {
    let store = use_store();
    Effect::new(move || {
        document().set_title(&window_title(&store.room_name.get(), &store.title.get(), store.unread.get()));
    });
    let has_unread = Memo::new(move |_| store.unread.get() > 0);
    let plain_icon = icon_link().map(|link| link.href());
    Effect::new(move || {
        if let (Some(link), Some(plain)) = (icon_link(), &plain_icon) {
            let icon = if has_unread.get() { badged_icon() } else { plain.clone() };
            link.set_href(&icon);
        }
    });
    Effect::new(move || set_root_attribute("lang", Some(store.locale.get().tag())));
    Effect::new(move || set_theme(store.theme.get()));

    let update_focused = move || {
        let document = document();
        store.set_focused(!document.hidden() && document.has_focus().unwrap_or(true));
    };
    update_focused();
    // These last as long as the page.
    EventListener::new(&document(), "visibilitychange", move |_| update_focused()).forget();
    EventListener::new(&window(), "focus", move |_| update_focused()).forget();
    EventListener::new(&window(), "blur", move |_| update_focused()).forget();
    if let Some(viewport) = window().visual_viewport() {
        for event in ["resize", "scroll"] {
            let seen = viewport.clone();
            EventListener::new(&viewport, event, move |_| fit_above_keyboard(&seen)).forget();
        }
    }
}

/// Completes after the browser has painted the current DOM; in a hidden tab, once it is shown.
pub async fn next_paint() {
    // The first frame may have begun before the DOM changed.
    for _ in 0..2 {
        let (begin, begun) = oneshot::channel();
        request_animation_frame(move || {
            let _ = begin.send(());
        });
        let _ = begun.await;
    }
}

/// The window's title: that of the page, after the name of the room if it has one. The unread count comes first, where a
/// narrow tab of the browser shows it.
fn window_title(room: &str, title: &str, unread: u32) -> String {
    let room = if room.is_empty() { String::new() } else { format!("{room} - ") };
    match unread {
        0 => format!("{room}{title}"),
        n => format!("({n}) {room}{title}"),
    }
}

/// The element that names the icon of the page.
fn icon_link() -> Option<HtmlLinkElement> {
    document().query_selector("link[rel~=icon]").ok()??.dyn_into().ok()
}

/// The icon with a badge, which says that there is something unread, as a URL.
fn badged_icon() -> String {
    const BADGE: &str =
        "<circle cx='50' cy='14' r='13' fill='#d4452c' stroke='#fff' stroke-width='3'/></svg>";
    let icon = include_str!("../../../assets/icon.svg").replace("</svg>", BADGE);
    format!("data:image/svg+xml,{}", js_sys::encode_uri_component(&icon))
}

fn set_root_attribute(name: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    // Cannot fail: both names are valid.
    let _ = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
}

fn set_theme(theme: Theme) {
    let (chosen, attribute) = match theme {
        Theme::System => (None, None),
        Theme::Light => (Some(FRAME_COLORS[0]), Some("light")),
        Theme::Dark => (Some(FRAME_COLORS[1]), Some("dark")),
    };
    set_root_attribute("data-theme", attribute);
    // One element for each of the system's schemes. A chosen theme has the same colour in both.
    for (scheme, system_color) in ["light", "dark"].into_iter().zip(FRAME_COLORS) {
        if let Some(meta) = theme_color_meta(scheme) {
            meta.set_content(chosen.unwrap_or(system_color));
        }
    }
}

/// The `<meta name="theme-color">` for a colour scheme of the system, created if there is none.
fn theme_color_meta(scheme: &str) -> Option<HtmlMetaElement> {
    let document = document();
    let media = format!("(prefers-color-scheme: {scheme})");
    let found = document.query_selector(&format!("meta[name=theme-color][media='{media}']")).ok()?;
    let element = match found {
        Some(element) => element,
        None => {
            let element = document.create_element("meta").ok()?;
            element.set_attribute("name", "theme-color").ok()?;
            element.set_attribute("media", &media).ok()?;
            document.head()?.append_child(&element).ok()?;
            element
        }
    };
    element.dyn_into().ok()
}

/// Shrinks the page to the visible part of the viewport while an on-screen keyboard covers it. Only iOS needs this: other
/// systems shrink the layout viewport.
fn fit_above_keyboard(viewport: &VisualViewport) {
    let root = document().document_element();
    let Some(root) = root.and_then(|root| root.dyn_into::<HtmlElement>().ok()) else { return };
    let window_height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    let covered = window_height - viewport.height();
    // Pinch zoom reduces the visible part too, but must not shrink the page.
    let zoomed = (viewport.scale() - 1.0).abs() >= 0.01;
    let style = root.style();
    let _ = if covered > MIN_KEYBOARD_PX && !zoomed {
        style
            .set_property("--viewport-height", &px(viewport.height()))
            .and_then(|()| style.set_property("--viewport-top", &px(viewport.offset_top())))
    } else {
        style
            .remove_property("--viewport-height")
            .and_then(|_| style.remove_property("--viewport-top"))
            .map(|_| ())
    };
}

/// A length in CSS. Formatted by the browser, because Rust's own code for this would be 5 KB of the login page.
pub fn px(length: f64) -> String {
    let rounded = js_sys::Number::from((length * 100.0).round() / 100.0);
    let text = rounded.to_string_with_radix(10).map(String::from).unwrap_or_default();
    text + "px"
}

/// Reloads the page.
pub fn reload_page() {
    // If this fails, the user can still reload it with the browser's own button.
    let _ = web_sys::window().map(|window| window.location().reload());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_title_begins_with_unread_count() {
        assert_eq!(window_title("", "Parlour", 0), "Parlour");
        assert_eq!(window_title("", "Parlour", 3), "(3) Parlour");
        assert_eq!(window_title("Garden", "Parlour", 3), "(3) Garden - Parlour");
    }

    #[test]
    fn frame_colors_match_stylesheet() {
        let css = include_str!("../../../style/tokens.css");
        let paper = css.lines().find_map(|line| line.trim().strip_prefix("--paper: "));
        assert_eq!(paper, Some(&*format!("light-dark({}, {});", FRAME_COLORS[0], FRAME_COLORS[1])));
    }
}
