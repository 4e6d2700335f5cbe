//! Reads `config.json`. A missing or broken one is told in the console, and the defaults serve.

use js_sys::Reflect;
use parlour_core::address;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, Response};

use super::{Config, Remembered, page, storage};

/// Gathers the settings: what the user chose before, else config.json, else what the browser says.
pub async fn load() -> (Config, Vec<String>) {
    let mut problems = Vec::new();
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
    let config = Config {
        title,
        language: storage::language().or(language).unwrap_or_else(page::language),
        theme: storage::theme().or(theme).unwrap_or_default(),
        log: log.unwrap_or_else(|| "info".into()),
        remembered: Remembered {
            nick: storage::nick().unwrap_or_default(),
            server: storage::server()
                .or(server)
                .unwrap_or_else(|| address::of_page(&page::host(), page::page_is_secure())),
        },
    };
    (config, problems)
}

async fn fetch() -> Result<JsValue, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let init = RequestInit::new();
    // The point of the file is that it can be changed; a copy in the cache is asked after.
    init.set_cache(RequestCache::NoCache);
    let said = |e: JsValue| {
        e.dyn_ref::<js_sys::Error>().map_or_else(|| "it failed".into(), |e| String::from(e.message()))
    };
    let response =
        JsFuture::from(window.fetch_with_str_and_init("config.json", &init)).await.map_err(said)?;
    let response: Response = response.dyn_into().map_err(|_| "it failed")?;
    if !response.ok() {
        return Err(format!("the server answers {}", response.status()));
    }
    let json = JsFuture::from(response.json().map_err(said)?).await.map_err(said)?;
    if json.is_object() { Ok(json) } else { Err("it is not an object".into()) }
}
