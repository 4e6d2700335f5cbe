//! Pasting into the composer: a URL onto a selected text makes it a link, and a table becomes a block of code. Everything else
//! is pasted by the browser.

use std::cell::Cell;

use js_sys::Reflect;
use leptos::{
    ev,
    prelude::{document, window_event_listener},
};
use parlour_core::markup::{paste_table, paste_url};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DataTransfer, DomParser, Element, Event, HtmlTextAreaElement, SupportedType};

use crate::view::composer::{replace, selection_of};

/// The length of the longest HTML that is searched for a table, in bytes.
const MAX_HTML_BYTES: usize = 1_000_000;

thread_local! {
    static IS_LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// Handles pastes from now on. The listener stays: the composers of later logins have the same id.
pub fn listen() {
    if !IS_LISTENING.replace(true) {
        window_event_listener(ev::paste, |event| handle_paste(&event));
    }
}

fn handle_paste(event: &Event) {
    let field = document().get_element_by_id("composer-text");
    let Some(field) = field.filter(|field| event.target().is_some_and(|target| target == ***field)) else {
        return;
    };
    let field: HtmlTextAreaElement = field.unchecked_into();
    let Ok(data) = Reflect::get(event, &"clipboardData".into()) else { return };
    let data: DataTransfer = data.unchecked_into();
    let pasted = |format| data.get_data(format).unwrap_or_default();
    let (text, plain) = (field.value(), pasted("text/plain"));
    let selection = selection_of(&field, &text);
    let replacement = paste_url(&text, selection.clone(), &plain).or_else(|| {
        let table = |table: &str| paste_table(&text, selection.clone(), table);
        // Spreadsheets give both. HTML also has the cells with several lines.
        table(&plain).or_else(|| table(&table_of(&pasted("text/html"))?))
    });
    if let Some(replacement) = replacement {
        event.prevent_default();
        replace(&field, &text, replacement);
    }
}

/// The cells of an HTML table: a line for each row, with tabs between the cells. `None` if there is other text too. The document
/// that is parsed is never shown: it runs no scripts and loads nothing. The policy of the page refuses its styles, which the
/// browser logs.
fn table_of(html: &str) -> Option<String> {
    if !html.contains("<table") || html.len() > MAX_HTML_BYTES {
        return None;
    }
    let document = DomParser::new().ok()?.parse_from_string(html, SupportedType::TextHtml).ok()?;
    let root = document.document_element()?;
    for element in all(&root, "style, script, br") {
        // The words before and after a line break are two.
        element.set_text_content(Some(" "));
    }
    let mut table = String::new();
    for row in all(&root, "tr") {
        for (number, cell) in all(&row, "td, th").enumerate() {
            if number > 0 {
                table.push('\t');
            }
            for word in text_of(&cell).split_whitespace() {
                table.extend([word, " "]);
            }
        }
        table.push('\n');
    }
    let length = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    (length(&table) == length(&text_of(&root))).then_some(table)
}

fn all(element: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let list = element.query_selector_all(selector).map(JsValue::from).unwrap_or_default();
    let item = move |at: u32| Reflect::get(&list, &at.into()).ok().filter(JsValue::is_object);
    (0..).map_while(item).map(JsCast::unchecked_into)
}

fn text_of(element: &Element) -> String {
    element.text_content().unwrap_or_default()
}
