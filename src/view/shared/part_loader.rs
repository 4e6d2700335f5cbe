//! Loading a part of the client when it is needed, and mounting it.

use std::{any::Any, pin::Pin};

use leptos::{html, prelude::*, task::spawn_local};
use parlour_core::status::Status;
use web_sys::HtmlElement;

use super::{announced, reload_page, use_texts};
use crate::{ctrl::missing_part_status, i18n::Key};

/// Mounted content; dropping it unmounts it.
pub type Mounted = Box<dyn Any>;

/// Mounts the content of a part into an element. A function pointer, so that nothing outside of the part refers to the
/// content.
pub type MountPart = fn(HtmlElement) -> Mounted;

/// The download of a part; `None` if it failed.
pub type Loading = Pin<Box<dyn Future<Output = Option<MountPart>>>>;

/// A part that is being loaded into an element, or why that has failed.
#[derive(Clone, Copy)]
pub struct PartLoader {
    /// The element into which the content is mounted.
    pub slot: NodeRef<html::Div>,
    /// Why the last attempt failed. Stays during the next one, and so does the button with the focus.
    failed: RwSignal<Option<Status>>,
    is_loading: RwSignal<bool>,
    mounted: StoredValue<Option<Mounted>, LocalStorage>,
    /// The content gets the contexts of the component that loads it.
    owner: StoredValue<Option<Owner>>,
    load: fn() -> Loading,
}

impl PartLoader {
    /// Starts to load a part.
    pub fn new(load: fn() -> Loading) -> Self {
        let loader = Self {
            slot: NodeRef::new(),
            failed: RwSignal::new(None),
            is_loading: RwSignal::new(false),
            mounted: StoredValue::new_local(None),
            owner: StoredValue::new(Owner::current()),
            load,
        };
        loader.start();
        loader
    }

    /// Why the last attempt failed; `None` if it did not. Reactive.
    pub fn failed(self) -> Option<Status> {
        self.failed.get()
    }

    /// Returns `true` during an attempt. Reactive.
    pub fn is_loading(self) -> bool {
        self.is_loading.get()
    }

    /// Returns `true` if the page has to be reloaded, because the host serves another version. Reactive.
    pub fn is_outdated(self) -> bool {
        self.failed.get() == Some(Status::PageOutdated)
    }

    /// Tries again, or reloads an outdated page.
    pub fn retry(self) {
        if untrack(move || self.is_outdated()) {
            reload_page();
        } else if !self.is_loading.get_untracked() {
            self.start();
        }
    }

    fn start(self) {
        self.is_loading.set(true);
        spawn_local(async move {
            let loaded = match (self.load)().await {
                Some(mount) => Ok(mount),
                None => Err(missing_part_status().await),
            };
            // Neither exists when the component was closed meanwhile.
            let owner = self.owner.try_get_value().flatten();
            if let (Some(slot), Some(owner)) = (self.slot.try_get_untracked().flatten(), owner) {
                self.is_loading.set(false);
                self.failed.set(loaded.as_ref().err().copied());
                if let Ok(mount) = loaded {
                    self.mounted.set_value(Some(owner.with(|| mount(slot.into()))));
                }
            }
        });
    }
}

/// The content of a part in the place of this component, or why it could not be loaded. The content is a child of the component's
/// parent as far as the layout is concerned.
#[component]
pub fn PartSlot(
    /// Loads the part.
    load: fn() -> Loading,
) -> impl IntoView {
    let part = PartLoader::new(load);
    view! {
        <div class="part-slot" node_ref=part.slot></div>
        <MissingPart part/>
    }
}

/// Why a part could not be loaded, with a button to try again or to reload the page.
#[component]
pub fn MissingPart(
    /// The part.
    part: PartLoader,
) -> impl IntoView {
    let t = use_texts();
    view! {
        <div class="part-missing" hidden=move || part.failed().is_none()>
            <p role="alert">
                {announced(move || part.failed().map(|status| t().status(status).to_owned()))}
            </p>
            <button
                type="button" class="button" aria-disabled=move || part.is_loading().then_some("true")
                on:click=move |_| part.retry()
            >
                {move || t().text(if part.is_outdated() { Key::CommonReload } else { Key::CommonRetry })}
            </button>
        </div>
    }
}
