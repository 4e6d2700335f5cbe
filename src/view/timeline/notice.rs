//! Rows that are not messages: presence changes, and notices of the program.

use leptos::{either::EitherOf6, prelude::*};
use parlour_core::timeline::{Notice, Row, RowKind};

use crate::{
    ctrl::use_store,
    i18n::{Key, Part, Texts},
    view::shared::{Sentence, tr, use_texts},
};

/// Members who joined or left since the row above, in one sentence each. Follows `row` and the language.
#[component]
pub fn PresenceRow(row: RwSignal<Row>) -> impl IntoView {
    let t = use_texts();
    let sentences = move || {
        row.with(|row| match &row.kind {
            RowKind::Presence(summary) => t().presence_changes(summary),
            _ => Vec::new(),
        })
    };
    let spans = move || {
        let sentences = sentences().into_iter();
        sentences.map(|parts| view! { <span><Sentence parts/></span> }).collect_view()
    };
    view! { <p class="row presence">{spans}</p> }
}

/// A notice of the program. Follows the language.
#[component]
pub fn NoticeRow(notice: Notice) -> impl IntoView {
    let t = use_texts();
    match notice {
        Notice::Help => EitherOf6::A(view! { <Help/> }),
        Notice::Members { nicks, more } => {
            let sentence = move || view! { <Sentence parts=t().people_online(&nicks, more)/> };
            EitherOf6::B(view! { <p class="row notice">{sentence}</p> })
        }
        Notice::Server(text) => EitherOf6::C(view! { <p class="row notice" dir="auto">{text}</p> }),
        Notice::ConnectionBroke(status) => {
            EitherOf6::D(view! { <p class="row notice warning">{move || t().status(status)}</p> })
        }
        Notice::Room { by, change } => {
            let sentence = move || view! { <Sentence parts=t().room_event(&by, &change)/> };
            EitherOf6::F(view! { <p class="row presence room-event">{sentence}</p> })
        }
        Notice::MembersLoading => {
            EitherOf6::E(view! { <FixedNotice text=Key::MembersLoading warning=false/> })
        }
        Notice::MessagesMissed => EitherOf6::E(view! { <FixedNotice text=Key::NoticeMissed/> }),
        Notice::NotPersisted => EitherOf6::E(view! { <FixedNotice text=Key::NoticeNotPersisted/> }),
        Notice::UnreadableFrame => EitherOf6::E(view! { <FixedNotice text=Key::NoticeUnreadable/> }),
    }
}

/// A notice as one text, for screen readers. `has_rooms` is that of the server.
pub fn spoken(notice: &Notice, t: &Texts, has_rooms: bool) -> String {
    match notice {
        Notice::Help => {
            let line = |(typed, effect)| format!("{typed}: {}", t.text(effect));
            commands(has_rooms).map(line).collect::<Vec<_>>().join("\n")
        }
        Notice::Members { nicks, more } => t.people_online(nicks, *more).iter().map(Part::as_str).collect(),
        Notice::Room { by, change } => t.room_event(by, change).iter().map(Part::as_str).collect(),
        Notice::Server(text) => text.clone(),
        Notice::ConnectionBroke(status) => t.status(*status).to_owned(),
        Notice::MembersLoading => t.text(Key::MembersLoading).to_owned(),
        Notice::MessagesMissed => t.text(Key::NoticeMissed).to_owned(),
        Notice::NotPersisted => t.text(Key::NoticeNotPersisted).to_owned(),
        Notice::UnreadableFrame => t.text(Key::NoticeUnreadable).to_owned(),
    }
}

/// A notice that is always the same; with `warning`, that something may be missing or lost.
#[component]
fn FixedNotice(text: Key, #[prop(default = true)] warning: bool) -> impl IntoView {
    view! { <p class="row notice" class:warning=warning>{tr(text)}</p> }
}

/// Commands and keys, each with the text that describes its effect, and whether it needs a server with rooms.
const COMMANDS: [(&str, Key, bool); 20] = [
    ("/who", Key::HelpCommandWho, false),
    ("/nick", Key::HelpCommandNick, true),
    ("/join", Key::HelpCommandJoin, true),
    ("/leave", Key::HelpCommandLeave, true),
    ("/invite", Key::HelpCommandInvite, true),
    ("/topic", Key::HelpCommandTopic, true),
    ("/exit", Key::HelpCommandExit, false),
    ("/help", Key::HelpCommandHelp, false),
    ("Enter", Key::HelpKeyEnter, false),
    ("Shift+Enter", Key::HelpKeyShiftEnter, false),
    ("↑", Key::HelpKeyEditLast, true),
    ("Esc", Key::HelpKeyEndEdit, true),
    ("Ctrl+B", Key::HelpKeyFormat, false),
    ("Ctrl+K", Key::HelpKeySwitch, true),
    ("Alt+↑ Alt+↓", Key::HelpKeyNeighbour, true),
    ("Alt+Shift+↑ Alt+Shift+↓", Key::HelpKeyUnread, true),
    ("Ctrl+Shift+F", Key::HelpKeySearch, false),
    ("Enter ↑ ↓", Key::HelpKeyMessages, false),
    ("U", Key::HelpKeyMarkUnread, true),
    ("R E H Delete", Key::HelpKeyChange, true),
];

/// The commands and keys of a server.
fn commands(has_rooms: bool) -> impl Iterator<Item = (&'static str, Key)> {
    let offered = COMMANDS.into_iter().filter(move |(.., needs_rooms)| has_rooms || !needs_rooms);
    offered.map(|(typed, effect, _)| (typed, effect))
}

/// The answer to `/help`.
#[component]
fn Help() -> impl IntoView {
    let has_rooms = untrack(|| use_store().has_rooms());
    let commands = commands(has_rooms).map(|(typed, effect)| {
        view! {
            <dt><kbd>{typed}</kbd></dt>
            <dd>{tr(effect)}</dd>
        }
    });
    view! {
        <section class="row notice help">
            <p class="notice-title">{tr(Key::HelpTitle)}</p>
            <dl>{commands.collect_view()}</dl>
        </section>
    }
}
