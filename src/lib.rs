//! Parlour's client, in layers: `app -> view -> ctrl -> service -> ws`. A layer uses only the next one; the head of each
//! module lists what it must not contain, and `core/tests/layering.rs` checks the rule.

pub mod app;
pub mod config;
pub mod ctrl;
pub mod i18n;
pub mod service;
pub mod view;
pub mod ws;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Starts the client: loads the settings and mounts the app in place of the loading screen.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        view::show_crash();
    }));
    // Leptos' own `spawn_local` works only after mounting.
    wasm_bindgen_futures::spawn_local(async {
        if config::has_session() {
            // The room will be shown first, so it is downloaded at the same time as the settings.
            app::preload_room();
        }
        let (config, problems) = config::load().await;
        for problem in problems {
            config::warn_early(config.log_level, &problem);
        }
        let Some(root) = document().get_element_by_id("app") else {
            leptos::logging::error!("the document has no element with the id `app`");
            return;
        };
        let store = ctrl::Store::new(&config, app::load_room);
        store.resume().await;
        let root: HtmlElement = root.unchecked_into();
        mount_to(root.clone(), move || {
            provide_context(store);
            view! { <app::App root/> }
        })
        .forget();
        if let Some(boot) = document().get_element_by_id("boot") {
            boot.remove();
        }
        // After the login page is painted, the room module is loaded while the user types.
        view::next_paint().await;
        app::load_room(store).await;
    });
}
