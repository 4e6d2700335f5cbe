//! The last thing the page can do: say that it has stopped. The program is dead by now, so this touches nothing
//! of it; plain DOM, no signals.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::i18n::{Locale, Word, texts};

/// Covers the page with a sentence and a button that loads it again.
pub fn show_crash() {
    // Nothing is left to be told if even this fails; the console has the panic.
    let _ = build();
}

fn build() -> Result<(), JsValue> {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return Ok(()) };
    let Some(body) = document.body() else { return Ok(()) };
    if document.get_element_by_id("crash").is_some() {
        return Ok(());
    }
    let language = document.document_element().and_then(|root| root.get_attribute("lang"));
    let texts = texts(language.and_then(|tag| Locale::from_tag(&tag)).unwrap_or_default());
    let add = |parent: &web_sys::Element, tag: &str, id: &str, text: &str| {
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
    add(&card, "h1", "crash-title", texts.word(Word::CrashTitle))?;
    add(&card, "p", "crash-text", texts.word(Word::CrashText))?;
    let button = add(&card, "button", "reload", texts.word(Word::Reload))?;
    button.set_attribute("type", "button")?;
    button.set_class_name("button primary");
    let reload = Closure::<dyn Fn()>::new(|| {
        let _ = web_sys::window().map(|window| window.location().reload());
    });
    button.add_event_listener_with_callback("click", reload.as_ref().unchecked_ref())?;
    reload.forget();
    // What is behind can't be used any more.
    if let Some(app) = document.get_element_by_id("app") {
        app.set_attribute("inert", "")?;
    }
    button.unchecked_into::<web_sys::HtmlElement>().focus()
}
