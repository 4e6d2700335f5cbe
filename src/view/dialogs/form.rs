//! Fields, buttons, and the request of a form.

use leptos::{html, prelude::*, task::spawn_local};
use parlour_core::{
    client::Command,
    model::{Connection, MessageId, Refusal},
    status::Status,
};

use crate::{
    ctrl::{Store, use_store},
    i18n::{Key, Texts},
    view::shared::{announced, tr, use_texts},
};

/// The part of a form that a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A name of a room or of a person.
    Name,
    /// The topic of a room.
    Topic,
    /// The chosen people.
    People,
    /// No field.
    Form,
}

impl Field {
    /// The part of a form that a status is about.
    pub fn of(status: Status) -> Self {
        match status {
            Status::RoomNameTaken | Status::RoomNameConfusable => Self::Name,
            status if status.is_about_nick() => Self::Name,
            Status::ContentTooLong => Self::Topic,
            Status::NoSuchAccount => Self::People,
            _ => Self::Form,
        }
    }
}

/// The request of a form: whether it runs, and why the last one was refused.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
    store: Store,
    busy: RwSignal<bool>,
    refusal: RwSignal<Option<Refusal>>,
    /// The last command that was not executed, as far as this page knows.
    failed: StoredValue<Option<Command>>,
}

impl Submission {
    /// No request was made. The store is that of the context.
    pub fn new() -> Self {
        let (busy, refusal) = (RwSignal::new(false), RwSignal::new(None));
        Self { store: use_store(), busy, refusal, failed: StoredValue::new(None) }
    }

    /// Returns `true` while a request runs. Reactive.
    pub fn is_busy(self) -> bool {
        self.busy.get()
    }

    /// Why the last request was refused. Reactive.
    pub fn refusal(self) -> Option<Refusal> {
        self.refusal.get()
    }

    /// The sentence about a refusal that concerns a field. Reactive.
    pub fn error(self, field: Field) -> Signal<Option<String>> {
        let t = use_texts();
        Signal::derive(move || {
            self.refusal.with(|refusal| {
                refusal
                    .as_ref()
                    .filter(|refusal| Field::of(refusal.status) == field)
                    .map(|refusal| sentence(t(), refusal))
            })
        })
    }

    /// A command with an id. If the same command has failed before, it is given again: perhaps it was executed.
    pub fn command(self, store: Store, make: impl Fn(MessageId) -> Command) -> Command {
        let command = self.failed.with_value(|failed| repeated(failed.as_ref(), &make));
        let command = command.unwrap_or_else(|| make(store.new_id()));
        self.failed.set_value(Some(command.clone()));
        command
    }

    /// Makes a request and runs it until the user logs out, unless one runs: then it is not made, because a command is given
    /// when it is made. Calls `done` if it succeeded and the dialog is still open.
    pub fn start<T: 'static, R>(self, request: impl FnOnce() -> R, done: impl FnOnce(T) + 'static)
    where
        R: Future<Output = Result<T, Refusal>> + 'static,
    {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.refusal.set(None);
        let request = self.store.until_logout(Box::pin(request()));
        spawn_local(async move {
            let Some(result) = request.await else { return };
            if self.busy.try_set(false).is_some() {
                // The dialog was closed.
                return;
            }
            match result {
                Ok(answer) => {
                    self.failed.set_value(None);
                    done(answer);
                }
                Err(refusal) => self.refusal.set(Some(refusal)),
            }
        });
    }
}

/// The command that has failed, if it is the same as the one to be given, but for the id.
fn repeated(failed: Option<&Command>, make: impl Fn(MessageId) -> Command) -> Option<Command> {
    let failed = failed?;
    (make(failed.id()?) == *failed).then(|| failed.clone())
}

/// The sentence about a refusal in a dialog.
pub fn sentence(t: &Texts, refusal: &Refusal) -> String {
    match refusal.status {
        Status::RateLimited | Status::Busy => t.text(Key::DialogTooFast).to_owned(),
        // Topics are the only long texts in dialogs.
        Status::ContentTooLong => t.text(Key::DialogTopicTooLong).to_owned(),
        status => refusal.unknown_reason().map_or_else(|| t.status(status).to_owned(), str::to_owned),
    }
}

/// A labelled text field, with a hint and the reason why its content was refused, which moves the focus to it.
#[component]
pub fn TextField(
    id: &'static str,
    label: Key,
    #[prop(optional)] hint: Option<Key>,
    /// The content.
    text: RwSignal<String>,
    /// Why the content was refused.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The field has the focus when the dialog is opened.
    #[prop(optional)]
    autofocus: bool,
    #[prop(default = "off")] autocomplete: &'static str,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if error.with(Option::is_some)
            && let Some(field) = field.get_untracked()
        {
            // If focusing fails, the form can still be used.
            let _ = field.focus();
        }
    });
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let hint_of = hint.is_some().then(|| hint_id.clone());
    let described_by = {
        let (hint_id, error_id) = (hint_of.clone(), error_id.clone());
        move || {
            let error = error.with(Option::is_some).then(|| error_id.clone());
            let ids: Vec<_> = error.into_iter().chain(hint_id.clone()).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        }
    };
    view! {
        <div class="field">
            <label class="field-name" for=id>{tr(label)}</label>
            <input
                id=id node_ref=field dir="auto" maxlength="2048" autocomplete=autocomplete autocapitalize="off"
                spellcheck="false" autofocus=autofocus
                aria-invalid=move || error.with(Option::is_some).then_some("true") aria-describedby=described_by
                prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))
            />
            <p id=error_id class="field-error" role="alert">{announced(move || error.get())}</p>
            {hint.map(|hint| view! { <p id=hint_id class="field-hint">{tr(hint)}</p> })}
        </div>
    }
}

/// The row at the end of a form: why the request was refused if that concerns no field, and the buttons. Follows the store's
/// connection.
#[component]
pub fn Actions(
    submission: Submission,
    /// The text of the button that submits the form.
    submit: Key,
    /// The text of the button that closes the dialog.
    #[prop(default = Key::CommonCancel)]
    cancel: Key,
    /// What the form does can't be undone.
    #[prop(optional)]
    dangerous: bool,
    /// A status with a text of its own in this form.
    #[prop(optional)]
    reason: Option<(Status, Key)>,
) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let error = submission.error(Field::Form);
    let error = move || {
        let own = reason.filter(|(status, _)| submission.refusal().is_some_and(|r| r.status == *status));
        own.map(|(_, key)| t().text(key).to_owned()).or_else(|| error.get())
    };
    let is_waiting = Memo::new(move |_| {
        submission.is_busy()
            && store.connection.with(|connection| !matches!(connection, Connection::Online { .. }))
    });
    let waiting = move || is_waiting.get().then(|| t().text(Key::DialogWaiting).to_owned());
    view! {
        <div class="dialog-actions">
            <p class="field-error" role="alert">{announced(error)}</p>
            <p class="field-hint" role="status">{announced(waiting)}</p>
            <button type="button" class="button quiet" on:click=move |_| store.close_dialog()>
                {tr(cancel)}
            </button>
            <button
                type="submit" class=if dangerous { "button danger" } else { "button primary" }
                aria-busy=move || submission.is_busy().to_string()
                aria-disabled=move || submission.is_busy().then_some("true")
            >
                {tr(submit)}
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use parlour_core::model::{RoomId, RoomKind};

    use super::*;

    fn create(id: u8, name: &str) -> Command {
        Command::CreateRoom {
            id: MessageId([id; 16]),
            kind: RoomKind::Public,
            name: name.into(),
            topic: String::new(),
            people: Vec::new(),
        }
    }

    #[test]
    fn a_failed_command_is_repeated_with_its_id() {
        let failed = create(1, "rust");
        let make = |name: &'static str| move |id: MessageId| create(id.0[0], name);
        assert_eq!(repeated(Some(&failed), make("rust")), Some(failed.clone()));
        assert_eq!(repeated(Some(&failed), make("rust 2")), None, "another name");
        assert_eq!(repeated(None, make("rust")), None);
        let without_id = Command::SetMuted { room: RoomId::LOBBY, muted: true };
        assert_eq!(repeated(Some(&without_id), |_| without_id.clone()), None);
    }

    #[test]
    fn refusals_are_shown_beside_the_field_that_they_are_about() {
        for (status, field) in [
            (Status::RoomNameTaken, Field::Name),
            (Status::RoomNameConfusable, Field::Name),
            (Status::NickEmpty, Field::Name),
            (Status::NickTaken, Field::Name),
            (Status::ContentTooLong, Field::Topic),
            (Status::NoSuchAccount, Field::People),
            (Status::NotConnected, Field::Form),
            (Status::TooManyRooms, Field::Form),
        ] {
            assert_eq!(Field::of(status), field, "{status:?}");
        }
    }
}
