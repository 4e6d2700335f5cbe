//! What belongs to the whole document: its title, language and colours, whether it is looked at, and how much of
//! it an on-screen keyboard leaves.

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};

use super::dom::{follow, pixels};
use crate::ctrl::{Theme, use_store};

/// The colours of the browser's own frame, light and dark: `--paper` in the stylesheet.
const FRAME: [&str; 2] = ["#f5f1e8", "#121613"];

/// Keeps the document in step with the store, and the store with whether the page is looked at.
pub fn follow_page() {
    let store = use_store();
    follow(move || {
        document().set_title(&window_title(&store.title().get(), store.unread().get()));
    });
    follow(move || set_root_attribute("lang", Some(store.locale().get().tag())));
    follow(move || set_theme(store.theme().get()));

    let look = move || {
        let document = document();
        store.set_looking(!document.hidden() && document.has_focus().unwrap_or(true));
    };
    look();
    // These stay for as long as the page does.
    window_event_listener_untyped("visibilitychange", move |_| look());
    window_event_listener(ev::focus, move |_| look());
    window_event_listener(ev::blur, move |_| look());
    follow_keyboard();
}

/// Comes back when what there is now has been drawn, which in a window that is not looked at is when it is.
pub async fn drawn() {
    // The first of two frames is being drawn when it is told.
    for _ in 0..2 {
        let frame = js_sys::Promise::new(&mut |done, _| {
            let _ = window().request_animation_frame(&done);
        });
        let _ = wasm_bindgen_futures::JsFuture::from(frame).await;
    }
}

/// The title of the window, with what is unread in front, where a narrow tab shows it.
fn window_title(title: &str, unread: u32) -> String {
    match unread {
        0 => title.to_owned(),
        n => format!("({n}) {title}"),
    }
}

fn set_root_attribute(name: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else { return };
    // Neither name is one that a document refuses.
    let _ = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
}

fn set_theme(theme: Theme) {
    let (chosen, attribute) = match theme {
        Theme::System => (None, None),
        Theme::Light => (Some(FRAME[0]), Some("light")),
        Theme::Dark => (Some(FRAME[1]), Some("dark")),
    };
    set_root_attribute("data-theme", attribute);
    // One for each of the system's schemes; a chosen one is the colour of both.
    for (scheme, own) in ["light", "dark"].into_iter().zip(FRAME) {
        if let Some(meta) = theme_color(scheme) {
            meta.set_content(chosen.unwrap_or(own));
        }
    }
}

/// The `<meta>` that tells the browser the colour of its frame for one of the system's schemes.
fn theme_color(scheme: &str) -> Option<web_sys::HtmlMetaElement> {
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

/// Where the keyboard covers the page instead of shrinking it (iOS), the page takes what is left.
fn follow_keyboard() {
    let Some(viewport) = window().visual_viewport() else { return };
    let measured = viewport.clone();
    let measure = Closure::<dyn Fn()>::new(move || {
        let root = document().document_element();
        let Some(root) = root.and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok()) else { return };
        let covered = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default()
            - measured.height();
        // A page zoomed in by two fingers is seen in part too, but is not to shrink.
        let style = root.style();
        let _ = if covered > 60.0 && (measured.scale() - 1.0).abs() < 0.01 {
            style
                .set_property("--seen-height", &pixels(measured.height()))
                .and_then(|()| style.set_property("--seen-top", &pixels(measured.offset_top())))
        } else {
            style
                .remove_property("--seen-height")
                .and_then(|_| style.remove_property("--seen-top"))
                .map(|_| ())
        };
    });
    for event in ["resize", "scroll"] {
        let _ = viewport.add_event_listener_with_callback(event, measure.as_ref().unchecked_ref());
    }
    // Listened to for as long as the page is there.
    measure.forget();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unread_stands_before_the_title() {
        assert_eq!(window_title("Parlour", 0), "Parlour");
        assert_eq!(window_title("Parlour", 3), "(3) Parlour");
    }

    #[test]
    fn the_frame_has_the_colours_of_the_stylesheet() {
        let css = include_str!("../../style/tokens.css");
        let paper = css.lines().find_map(|line| line.trim().strip_prefix("--paper: "));
        assert_eq!(paper, Some(&*format!("light-dark({}, {});", FRAME[0], FRAME[1])));
    }
}
