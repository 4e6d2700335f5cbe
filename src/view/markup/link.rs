//! Links.

use leptos::prelude::*;
use parlour_core::{
    markup::{Inline, hides_host, host_of},
    model::{RoomId, RoomKind},
};
use web_sys::Url;

use super::blocks::inlines;
use crate::{
    ctrl::{Route, use_store},
    i18n::Key,
    view::shared::use_texts,
};

/// A link to an absolute URL with an allowed scheme. Its title is the URL that is opened.
///
/// One to a room of this page is opened here: the browser changes the fragment of the page's URL, which the screens follow. A bare
/// URL of a room is shown as the room's name if the room is in the list of the user, which is followed then.
///
/// Any other link is opened in a new tab. If its text does not show the host that it leads to, the host is beside the text.
pub fn link(url: String, mut content: Vec<Inline>) -> AnyView {
    let opened = Url::new(&url).map_or_else(|_| url.clone(), |opened| opened.href());
    let target = if let Some(room) = room_of(&opened) {
        let name = use_name(room);
        // The stylesheet tells the links to known rooms by the missing target.
        let target = name.is_none().then_some("_self");
        let is_bare = matches!(&content[..], [Inline::Text(text)] if *text == url);
        if let Some(name) = name.filter(|_| is_bare) {
            content = vec![Inline::Text(name)];
        }
        target
    } else {
        let host = ascii_host(&opened);
        if hides_host(&content, &url, &host) {
            content.extend([Inline::Text(" ".into()), Inline::Code(["(", &host, ")"].concat())]);
        }
        Some("_blank")
    };
    let content = inlines(content);
    view! { <a href=url title=opened target=target rel="noopener noreferrer">{content}</a> }.into_any()
}

/// The name of a room in the list; `None` for a conversation, which has none. Reactive.
fn use_name(room: RoomId) -> Option<String> {
    let (store, t) = (use_store(), use_texts());
    // The list changes with each message.
    let name = Memo::new(move |_| {
        store.list_version.track();
        let name = store.with_state(|state| {
            state
                .account()
                .room(room)
                .filter(|room| room.kind != RoomKind::Direct)
                .map(|room| room.name.clone())
        });
        // The lobby has a name in each language.
        name.flatten().map(|name| if name.is_empty() { t().text(Key::RoomsLobby).into() } else { name })
    });
    name.get().map(|name| ["#", &name].concat())
}

/// The room that a URL leads to, if it differs from that of the page in its fragment only. Other fragments do more than to show
/// something.
fn room_of(url: &str) -> Option<RoomId> {
    let page = document().url().unwrap_or_default();
    let (place, fragment) = url.split_once('#')?;
    match Route::parse(fragment)? {
        Route::Room { room, .. } if page.split('#').next() == Some(place) => Some(room),
        _ => None,
    }
}

/// The host of a URL as the browser has written it, which is in ASCII. The browser does not know those of addresses for mail, so
/// these are looked up as if they were of a page.
fn ascii_host(opened: &str) -> String {
    let host = &opened[host_of(opened)];
    let page = if opened.starts_with("mailto:") { Url::new(&["https://", host].concat()).ok() } else { None };
    page.map_or_else(
        || host.to_owned(),
        |page| {
            let page = page.href();
            page[host_of(&page)].to_owned()
        },
    )
}
