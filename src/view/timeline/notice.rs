//! Rows that are not messages: presence changes, and notices of the program.

use leptos::{either::EitherOf6, prelude::*};
use parlour_core::timeline::{Notice, Row, RowKind};

use crate::{
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
        Notice::MessagesMissed => EitherOf6::E(view! { <Warning text=Key::NoticeMissed/> }),
        Notice::NotPersisted => EitherOf6::E(view! { <Warning text=Key::NoticeNotPersisted/> }),
        Notice::UnreadableFrame => EitherOf6::E(view! { <Warning text=Key::NoticeUnreadable/> }),
    }
}

/// A notice as one text, for screen readers.
pub fn spoken(notice: &Notice, t: &Texts) -> String {
    match notice {
        Notice::Help => {
            let line = |(typed, effect)| format!("{typed}: {}", t.text(effect));
            COMMANDS.map(line).join("\n")
        }
        Notice::Members { nicks, more } => t.people_online(nicks, *more).iter().map(Part::as_str).collect(),
        Notice::Room { by, change } => t.room_event(by, change).iter().map(Part::as_str).collect(),
        Notice::Server(text) => text.clone(),
        Notice::ConnectionBroke(status) => t.status(*status).to_owned(),
        Notice::MessagesMissed => t.text(Key::NoticeMissed).to_owned(),
        Notice::NotPersisted => t.text(Key::NoticeNotPersisted).to_owned(),
        Notice::UnreadableFrame => t.text(Key::NoticeUnreadable).to_owned(),
    }
}

/// A notice that something may be missing or lost.
#[component]
fn Warning(text: Key) -> impl IntoView {
    view! { <p class="row notice warning">{tr(text)}</p> }
}

/// Commands and keys, each with the text that describes its effect.
const COMMANDS: [(&str, Key); 9] = [
    ("/who", Key::HelpCommandWho),
    ("/exit", Key::HelpCommandExit),
    ("/help", Key::HelpCommandHelp),
    ("Enter", Key::HelpKeyEnter),
    ("Shift+Enter", Key::HelpKeyShiftEnter),
    ("Ctrl+K", Key::HelpKeySwitch),
    ("Alt+↑ Alt+↓", Key::HelpKeyNeighbour),
    ("Alt+Shift+↑ Alt+Shift+↓", Key::HelpKeyUnread),
    ("Ctrl+Shift+F", Key::HelpKeySearch),
];

/// The answer to `/help`.
#[component]
fn Help() -> impl IntoView {
    let commands = COMMANDS.map(|(typed, effect)| {
        view! {
            <dt><kbd>{typed}</kbd></dt>
            <dd>{tr(effect)}</dd>
        }
    });
    view! {
        <section class="row notice help">
            <p class="notice-title">{tr(Key::HelpTitle)}</p>
            <dl>{commands.into_iter().collect_view()}</dl>
        </section>
    }
}
