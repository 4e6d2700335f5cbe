//! Reads `config.json`. A missing or broken one is told in the console, and the defaults serve.

use js_sys::{Promise, Reflect};
use parlour_core::address;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, Response};

use super::{Config, Remembered, page, storage};
use crate::i18n::{self, Locale};

/// Gathers the settings: what the user chose before, else config.json, else what the browser says.
pub async fn load() -> (Config, Vec<String>) {
    let mut problems = Vec::new();
    let chosen = storage::language().as_deref().and_then(Locale::from_tag);
    let own = Locale::from_tag(&page::language()).unwrap_or_default();
    // Most likely it is this one: its words come at the same time as the file.
    let likely = chosen.unwrap_or(own);
    let early = words(likely);
    let file = match fetch().await {
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
    let mut locale = chosen.or(language.as_deref().and_then(Locale::from_tag)).unwrap_or(own);
    if !(if locale == likely { early.await } else { words(locale).await }) {
        problems.push(format!("the words of `{}` can't be loaded; the page is in English", locale.tag()));
        locale = Locale::En;
    }
    let config = Config {
        title,
        locale,
        theme: storage::theme().or(theme).unwrap_or_default(),
        log: log.unwrap_or_else(|| "info".into()),
        remembered: Remembered {
            nick: storage::nick().unwrap_or_default(),
            server: storage::server()
                .or(server)
                .unwrap_or_else(|| address::suggested(&page::host(), page::page_is_secure())),
        },
    };
    (config, problems)
}

/// Asks for the words of a language. The future says whether they are there; when they can't be had, there are those of
/// English.
pub fn words(locale: Locale) -> impl Future<Output = bool> {
    let missing = !i18n::is_read(locale);
    let asked = missing.then(|| ask(&format!("lang/{}.txt", locale.tag()))).flatten();
    async move {
        if let Some(asked) = asked
            && let Ok(response) = answer(asked).await
            && let Ok(text) = response.text()
            && let Ok(text) = JsFuture::from(text).await
            && let Some(text) = text.as_string()
        {
            i18n::read(locale, text);
        }
        i18n::is_read(locale)
    }
}

async fn fetch() -> Result<JsValue, String> {
    // boot/boot.js has asked for it while this module was on its way.
    let asked =
        Reflect::get(&js_sys::global(), &"settings".into()).ok().and_then(|asked| asked.dyn_into().ok());
    let response = answer(asked.or_else(|| ask("config.json")).ok_or("there is no window")?).await?;
    let json = JsFuture::from(response.json().map_err(said)?).await.map_err(said)?;
    if json.is_object() { Ok(json) } else { Err("it is not an object".into()) }
}

/// Asks for a file beside the page.
fn ask(file: &str) -> Option<Promise> {
    let init = RequestInit::new();
    // The file can be changed without a new name; a copy in the cache is asked after.
    init.set_cache(RequestCache::NoCache);
    Some(web_sys::window()?.fetch_with_str_and_init(file, &init))
}

async fn answer(asked: Promise) -> Result<Response, String> {
    let response: Response = JsFuture::from(asked).await.map_err(said)?.unchecked_into();
    if response.ok() { Ok(response) } else { Err(format!("the server answers {}", response.status())) }
}

fn said(e: JsValue) -> String {
    e.dyn_ref::<js_sys::Error>().map_or_else(|| "it failed".into(), |e| String::from(e.message()))
}
