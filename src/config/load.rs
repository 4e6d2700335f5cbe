//! Loads `config.json`, translations, and the table of emoji. If `config.json` is missing or invalid, that is logged and the defaults
//! are used.

use js_sys::{Array, Promise, Reflect};
use parlour_core::address;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::{Config, Remembered, logging, page, storage};
use crate::i18n::{self, Locale};

#[wasm_bindgen]
extern "C" {
    /// Requests a file from the page's directory, for a limited time; in boot/boot.js.
    #[wasm_bindgen(catch, js_name = requestFile)]
    fn request(file: &str) -> Result<Promise, JsValue>;
}

/// Loads the settings. The user's earlier choices take precedence over config.json, and that over the browser's
/// preferences. The second value lists the problems found, to be logged with [`super::warn_early`].
pub async fn load() -> (Config, Vec<String>) {
    let mut problems = Vec::new();
    let chosen = storage::language().as_deref().and_then(Locale::from_tag);
    let preferred = Locale::of_browser();
    // The language to use unless config.json sets another one. Its texts are fetched at the same time as config.json.
    let likely = chosen.unwrap_or(preferred);
    let loading = load_translation(likely);
    let file = match fetch_config().await {
        Ok(file) => file,
        Err(problem) => {
            problems.push(format!("config.json: {problem}; the defaults are used"));
            JsValue::UNDEFINED
        }
    };
    let mut text = |key: &str| {
        let value = Reflect::get(&file, &key.into()).unwrap_or_default();
        if !value.is_undefined() && !value.is_null() && !value.is_string() {
            problems.push(format!("config.json: \"{key}\" is not a text; it is ignored"));
        }
        value.as_string().filter(|text| !text.is_empty())
    };
    let (server, title, language, theme, log) =
        (text("server"), text("title"), text("language"), text("theme"), text("log"));
    let mut locale = chosen.or(language.as_deref().and_then(Locale::from_tag)).unwrap_or(preferred);
    if !(if locale == likely { loading.await } else { load_translation(locale).await }) {
        problems.push(format!("the translation `{}` can't be loaded; the page is in English", locale.tag()));
        locale = Locale::default();
    }
    let config = Config {
        title,
        locale,
        theme: storage::theme().or(theme).unwrap_or_default(),
        log_level: logging::parse_level(log.as_deref().unwrap_or("info")),
        remembered: Remembered {
            nick: storage::nick().unwrap_or_default(),
            server: storage::server().or(server).unwrap_or_else(|| address::suggested(&page::address())),
        },
    };
    (config, problems)
}

/// Fetches the texts of a language, unless they are loaded. The future resolves to whether they are loaded; if not,
/// [`i18n::texts`] returns the English texts.
pub fn load_translation(locale: Locale) -> impl Future<Output = bool> {
    let missing = !i18n::is_loaded(locale);
    let requested = missing.then(|| request(&format!("lang/{}.json", locale.tag())).ok()).flatten();
    async move {
        if let Some(request) = requested
            && let Ok(response) = response(request).await
            && let Ok(json) = response.json()
            && let Ok(file) = JsFuture::from(json).await
            && file.is_object()
        {
            i18n::load(locale, &file);
        }
        i18n::is_loaded(locale)
    }
}

/// Fetches the lines of the table of emoji in a language, which are the text; `None` if that fails.
pub async fn load_emoji(tag: &str) -> Option<String> {
    let response = response(request(&format!("emoji/{tag}.json")).ok()?).await.ok()?;
    let file = JsFuture::from(response.json().ok()?).await.ok()?;
    let lines: Array = Reflect::get(&file, &"lines".into()).ok()?.dyn_into().ok()?;
    let mut text = String::new();
    for line in lines.to_vec() {
        text.push_str(&line.as_string()?);
        text.push('\n');
    }
    Some(text)
}

async fn fetch_config() -> Result<JsValue, String> {
    // boot/boot.js requests it while this module is downloaded.
    let requested =
        Reflect::get(&js_sys::global(), &"settings".into()).ok().and_then(|promise| promise.dyn_into().ok());
    let request = match requested {
        Some(request) => request,
        None => request("config.json").map_err(message)?,
    };
    let response = response(request).await?;
    let json = JsFuture::from(response.json().map_err(message)?).await.map_err(message)?;
    if json.is_object() { Ok(json) } else { Err("it is not an object".into()) }
}

async fn response(request: Promise) -> Result<Response, String> {
    let response: Response = JsFuture::from(request).await.map_err(message)?.unchecked_into();
    if response.ok() { Ok(response) } else { Err(format!("the server answers {}", response.status())) }
}

fn message(e: JsValue) -> String {
    e.dyn_ref::<js_sys::Error>().map_or_else(|| "it failed".into(), |e| String::from(e.message()))
}
