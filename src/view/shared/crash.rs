//! The notice shown after a panic. The program cannot run any more, so this uses plain DOM calls and no signals.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::reload_page;
use crate::i18n::{Key, Locale, texts};

/// Covers the page with a notice and a button that reloads it.
pub fn show_crash() {
    // Nothing more can be done if this fails; the panic is in the console.
    let _ = build_notice();
}

fn build_notice() -> Result<(), JsValue> {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return Ok(()) };
    let Some(body) = document.body() else { return Ok(()) };
    if document.get_element_by_id("crash").is_some() {
        return Ok(());
    }
    let language = document.document_element().and_then(|root| root.get_attribute("lang"));
    let texts = texts(language.and_then(|tag| Locale::from_tag(&tag)).unwrap_or_default());
    let add = |parent: &Element, tag: &str, id: &str, text: &str| {
        let element = document.create_element(tag)?;
        element.set_id(id);
        element.set_text_content((!text.is_empty()).then_some(text));
        parent.append_child(&element)?;
        Ok::<_, JsValue>(element)
    };
    let crash = add(&body, "div", "crash", "")?;
    crash.set_attribute("role", "alertdialog")?;
    crash.set_attribute("aria-modal", "true")?;
    crash.set_attribute("aria-labelledby", "crash-title")?;
    crash.set_attribute("aria-describedby", "crash-text")?;
    let card = add(&crash, "div", "crash-card", "")?;
    add(&card, "h1", "crash-title", texts.text(Key::CrashTitle))?;
    add(&card, "p", "crash-text", texts.text(Key::CrashText))?;
    let button = add(&card, "button", "reload", texts.text(Key::CommonReload))?;
    button.set_attribute("type", "button")?;
    button.set_class_name("button primary");
    EventListener::new(&button, "click", |_| reload_page()).forget();
    // The rest of the page does not react any more.
    if let Some(app) = document.get_element_by_id("app") {
        app.set_attribute("inert", "")?;
    }
    button.unchecked_into::<HtmlElement>().focus()
}
