//! Parlour's client: `app -> view -> ctrl -> service -> ws`, each naming only the next. What a layer may not do is
//! written at the head of each; `core/tests/layering.rs` holds them to it.

pub mod app;
pub mod config;
pub mod ctrl;
pub mod i18n;
pub mod service;
pub mod view;
pub mod ws;

use leptos::prelude::*;

/// Starts the page: settings, log, and the app in the place of the loading screen.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        view::show_crash();
    }));
    // Leptos' own spawn_local works only once something is mounted.
    wasm_bindgen_futures::spawn_local(async {
        if config::is_known() {
            // Who comes back is shown the room, so it is to come at the same time as the settings.
            app::fetch();
        }
        let (config, problems) = config::load().await;
        config::start_logging(&config.log);
        for problem in problems {
            tracing::warn!("{problem}");
        }
        let Some(root) = document().get_element_by_id("app") else {
            tracing::error!("the page has no element with the id `app`");
            return;
        };
        let store = ctrl::Store::new(&config, app::bring);
        store.resume().await;
        mount_to(wasm_bindgen::JsCast::unchecked_into(root.clone()), move || {
            provide_context(store);
            view! { <app::App root=root.into()/> }
        })
        .forget();
        if let Some(boot) = document().get_element_by_id("boot") {
            boot.remove();
        }
        // By the time a name is typed it is there. The login page is drawn first.
        view::drawn().await;
        app::bring(store).await;
    });
}
