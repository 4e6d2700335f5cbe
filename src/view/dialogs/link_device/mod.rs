//! The dialog that shows a link for another device.

mod countdown;
mod qr;

use js_sys::Reflect;
use leptos::{html, prelude::*, task::spawn_local};
use parlour_core::client::{Command, Reply};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Clipboard, HtmlDocument, HtmlInputElement};

use self::{
    countdown::Countdown,
    qr::{QrImage, qr_image},
};
use super::{
    form::{Submission, sentence},
    frame::Dialog,
};
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{announced, tr, use_texts},
};

/// A link that logs another device in, as a QR code and as text, for as long as it is valid. Requests a new one when it is
/// opened, and when the user wants one.
#[component]
pub fn LinkDevice() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let submission = Submission::new();
    let link = RwSignal::new(None::<String>);
    let countdown = Countdown::new();
    let copied = RwSignal::new(None::<bool>);
    let field = NodeRef::<html::Input>::new();
    let renew = move || {
        copied.set(None);
        submission.start(
            || store.request(Command::LinkDevice),
            move |reply| {
                if let Reply::Link(device) = reply {
                    link.set(Some(store.device_link(&device.code)));
                    countdown.start(device.expires);
                }
            },
        );
    };
    renew();
    let copy = move |_| {
        if let Some(field) = field.get_untracked() {
            spawn_local(async move {
                let result = copy(&field).await;
                // The dialog may be closed.
                let _ = copied.try_set(Some(result));
            });
        }
    };
    let image = Memo::new(move |_| link.with(|link| qr_image(link.as_deref()?)));
    let is_valid = move || link.with(Option::is_some) && countdown.seconds_left().is_some();
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let expired = move || {
        let is_expired = link.with(Option::is_some) && countdown.is_over() && !submission.is_busy();
        is_expired.then(|| t().text(Key::LinkDeviceExpired).to_owned())
    };
    let copy_note = move || {
        let key = match copied.get()? {
            true => Key::LinkDeviceCopied,
            false => Key::LinkDeviceCopyFailed,
        };
        Some(t().text(key).to_owned())
    };
    let valid_for = move || countdown.seconds_left().map(|left| t().link_device_valid_for(&clock(left)));
    view! {
        <Dialog id="link-device-dialog" title=Signal::derive(move || t().text(Key::LinkDeviceTitle).to_owned())>
            <div class="dialog-body">
                <p>{tr(Key::LinkDeviceIntro)}</p>
                <Show when=is_valid>
                    <div class="qr-frame">
                        {move || image.get().map(|image| view! { <Qr image/> })}
                    </div>
                    <div class="field">
                        <label class="field-name" for="link-device-link">{tr(Key::LinkDeviceLink)}</label>
                        <div class="link-row">
                            <input
                                id="link-device-link" node_ref=field dir="ltr" readonly=true
                                prop:value=move || link.get().unwrap_or_default()
                                on:focus=move |_| field.get_untracked().into_iter().for_each(|field| field.select())
                            />
                            <button type="button" id="link-device-copy" class="button" on:click=copy>
                                {tr(Key::LinkDeviceCopy)}
                            </button>
                        </div>
                        <p class="field-hint" role="status">{announced(copy_note)}</p>
                    </div>
                </Show>
                <p class="field-hint">{tr(Key::LinkDeviceWarning)}</p>
                <p class="field-error" role="alert">{announced(error)}</p>
            </div>
            <div class="dialog-actions">
                // Not announced each second.
                <p id="link-device-left" class="field-hint" role="timer">{valid_for}</p>
                <p id="link-device-expired" class="field-error" role="status">{announced(expired)}</p>
                <button
                    type="button" id="link-device-renew" class="button"
                    aria-busy=move || submission.is_busy().to_string()
                    aria-disabled=move || submission.is_busy().then_some("true") on:click=move |_| renew()
                >
                    {tr(Key::LinkDeviceRenew)}
                </button>
            </div>
        </Dialog>
    }
}

/// A QR code: dark on light in every colour scheme, because not every reader accepts the contrary.
#[component]
fn Qr(image: QrImage) -> impl IntoView {
    let QrImage { size, path } = image;
    view! {
        <svg
            id="link-device-qr" class="qr" role="img" viewBox=format!("0 0 {size} {size}")
            aria-label=tr(Key::LinkDeviceQr)
        >
            <path d=path></path>
        </svg>
    }
}

/// Minutes and seconds.
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Copies the text of a field, which is selected. Returns whether that succeeded.
async fn copy(field: &HtmlInputElement) -> bool {
    field.select();
    // Missing on a page that was loaded over an unencrypted connection.
    let clipboard = Reflect::get(&window().navigator(), &"clipboard".into()).ok();
    match clipboard.filter(|clipboard| clipboard.is_object()) {
        Some(clipboard) => {
            let clipboard: Clipboard = clipboard.unchecked_into();
            JsFuture::from(clipboard.write_text(&field.value())).await.is_ok()
        }
        None => document().unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_in_minutes_and_seconds() {
        assert_eq!([300, 61, 9, 0].map(clock), ["5:00", "1:01", "0:09", "0:00"]);
    }
}
