//! The members of a room and their roles.

use std::sync::Arc;

use gloo_timers::callback::Timeout;
use leptos::{ev::Event, html, prelude::*, task::spawn_local};
use parlour_core::{
    client::Command,
    model::{Refusal, Role, RoomId, UserId},
    policy::Action,
};

use super::{may, role_name};
use crate::{
    ctrl::{Contact, DialogKind, Page, Store, use_store},
    i18n::Key,
    view::{
        dialogs::{
            form::{Submission, sentence},
            people_picker::SEARCH_DELAY_MS,
        },
        shared::{Avatar, Icon, announced, focus_next_frame, icon, tr, use_texts},
    },
};

/// The roles that an owner can give.
const ROLES: [Role; 3] = [Role::Member, Role::Moderator, Role::Owner];

/// The time after a change of the room after which the list is loaded again. Changes often come together.
const REFRESH_DELAY_MS: u32 = 200;

/// The members found so far.
#[derive(Clone, Copy)]
struct MemberPages {
    store: Store,
    room: RoomId,
    prefix: RwSignal<String>,
    /// Each member with its role, which may change.
    members: RwSignal<Vec<(Contact, RwSignal<Role>)>>,
    more: RwSignal<bool>,
    is_loading: RwSignal<bool>,
    refusal: RwSignal<Option<Refusal>>,
    /// The number of the last request.
    request: StoredValue<u32>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
    refresh_timer: StoredValue<Option<Timeout>, LocalStorage>,
    /// The field for the beginning of a nick.
    field: NodeRef<html::Input>,
}

impl MemberPages {
    fn new(store: Store, room: RoomId) -> Self {
        Self {
            store,
            room,
            prefix: RwSignal::new(String::new()),
            members: RwSignal::new(Vec::new()),
            more: RwSignal::new(false),
            is_loading: RwSignal::new(true),
            refusal: RwSignal::new(None),
            request: StoredValue::new(0),
            timer: StoredValue::new_local(None),
            refresh_timer: StoredValue::new_local(None),
            field: NodeRef::new(),
        }
    }

    /// Searches when nothing was typed for a moment.
    fn search_soon(self) {
        self.timer.set_value(Some(Timeout::new(SEARCH_DELAY_MS, move || self.load(false))));
    }

    /// Loads what is shown again a moment after members or roles have changed.
    fn refresh_soon(self) {
        let refresh = move || {
            let shown = self.members.with_untracked(Vec::len);
            self.request(false, shown);
        };
        self.refresh_timer.set_value(Some(Timeout::new(REFRESH_DELAY_MS, refresh)));
    }

    /// Loads the first page, or the next one.
    fn load(self, next: bool) {
        self.is_loading.set(true);
        self.request(next, 1);
    }

    /// Requests at least so many members, from the beginning or after those that are shown. The results of earlier requests are
    /// dropped.
    fn request(self, next: bool, least: usize) {
        let Some(number) = self.request.try_update_value(|number| {
            *number = number.wrapping_add(1);
            *number
        }) else {
            return;
        };
        let prefix = self.prefix.with_untracked(|prefix| prefix.trim().to_owned());
        let last = self.members.with_untracked(|all| all.last().map(|(last, _)| last.nick.to_string()));
        let after = last.filter(|_| next).unwrap_or_default();
        spawn_local(async move {
            let page = self.pages(prefix, after, least).await;
            if self.request.try_get_value() != Some(number) {
                return;
            }
            self.is_loading.set(false);
            self.refusal.set(page.as_ref().err().cloned());
            if let Ok(page) = page {
                self.more.set(page.more);
                self.members.update(|members| {
                    // The items of members that are shown already stay, with what the user does there.
                    let shown = if next { Vec::new() } else { std::mem::take(members) };
                    let with_role = |member: Contact| {
                        let known = shown.iter().find(|(known, _)| known.account == member.account);
                        let role = known.map_or_else(|| RwSignal::new(member.role), |(_, role)| *role);
                        role.maybe_update(|shown| std::mem::replace(shown, member.role) != member.role);
                        (member, role)
                    };
                    members.extend(page.entries.into_iter().map(with_role));
                });
            }
        });
    }

    /// As many pages as it takes for so many members.
    async fn pages(self, prefix: String, after: String, least: usize) -> Result<Page<Contact>, Refusal> {
        let mut all = self.store.list_members(self.room, prefix.clone(), after).await?;
        while all.more && all.entries.len() < least {
            let after = all.entries.last().map(|last| last.nick.to_string()).unwrap_or_default();
            let next = self.store.list_members(self.room, prefix.clone(), after).await?;
            all.more = next.more && !next.entries.is_empty();
            all.entries.extend(next.entries);
        }
        Ok(all)
    }

    fn remove(self, account: UserId) {
        self.members.update(|members| members.retain(|(member, _)| member.account != account));
    }
}

/// The members by nick, with a field to find some, and a button that invites people. Follows the room, also what others change
/// there.
#[component]
pub fn Members(room: RoomId) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let pages = MemberPages::new(store, room);
    pages.load(false);
    Effect::new(move |before: Option<u32>| {
        let version = store.room_version.get();
        if before.is_some_and(|before| before != version) {
            pages.refresh_soon();
        }
        version
    });
    let may_invite = Memo::new(move |_| may(store, room, Action::Invite));
    let composing = StoredValue::new(false);
    let state = Memo::new(move |_| {
        if let Some(refusal) = pages.refusal.get() {
            return Some(sentence(t(), &refusal));
        }
        match (pages.members.with(Vec::len), pages.is_loading.get()) {
            (0, true) => Some(t().text(Key::CommonLoading).to_owned()),
            (0, false) => Some(t().text(Key::RoomSettingsNoneFound).to_owned()),
            _ => None,
        }
    });
    let input = move |event| {
        pages.prefix.set(event_target_value(&event));
        if !composing.get_value() {
            pages.search_soon();
        }
    };
    let has_more = move || pages.more.get() || pages.refusal.with(Option::is_some);
    let more_text = move || {
        let is_refused = pages.refusal.with(Option::is_some);
        t().text(if is_refused { Key::CommonRetry } else { Key::CommonShowMore })
    };
    view! {
        <section class="dialog-section" aria-labelledby="room-settings-members">
            <div class="section-head">
                <h3 id="room-settings-members">{tr(Key::RoomSettingsMembers)}</h3>
                <Show when=move || may_invite.get()>
                    <button
                        type="button" id="room-settings-invite" class="button"
                        on:click=move |_| store.open_dialog(DialogKind::InvitePeople(room))
                    >
                        {tr(Key::InviteTitle)}
                    </button>
                </Show>
            </div>
            <input
                id="room-settings-filter" node_ref=pages.field type="search" dir="auto" maxlength="200" autocomplete="off" spellcheck="false"
                placeholder=tr(Key::RoomSettingsFilter) aria-label=tr(Key::RoomSettingsFilter)
                prop:value=move || pages.prefix.get() on:input=input
                on:compositionstart=move |_| composing.set_value(true)
                on:compositionend=move |_| {
                    composing.set_value(false);
                    pages.search_soon();
                }
            />
            <p class="field-hint" role="status">{announced(move || state.get())}</p>
            <ul id="room-settings-list" class="member-list" aria-labelledby="room-settings-members">
                <For
                    each=move || pages.members.get()
                    key=|(member, role)| (member.account, member.nick.clone(), *role)
                    children=move |(member, role)| view! { <MemberItem pages member role/> }
                />
            </ul>
            <button
                type="button" id="room-settings-more" class="button" hidden=move || !has_more()
                aria-disabled=move || pages.is_loading.get().then_some("true")
                on:click=move |_| {
                    if !pages.is_loading.get_untracked() {
                        pages.load(pages.members.with_untracked(|members| !members.is_empty()));
                    }
                }
            >
                {more_text}
            </button>
        </section>
    }
}

/// A member, with a menu for the role and a button that removes it, as far as the user may. Follows the room.
#[component]
fn MemberItem(pages: MemberPages, member: Contact, role: RwSignal<Role>) -> impl IntoView {
    let MemberPages { store, room, .. } = pages;
    let t = use_texts();
    let Contact { account, nick, .. } = member;
    let submission = Submission::new();
    let is_self = store.with_state(|state| state.me()).flatten() == Some(account);
    let may_change = move || may(store, room, Action::ChangeRole) && role.get().is_member();
    let may_remove = move || !is_self && may(store, room, Action::Remove(role.get()));
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let remove_button = {
        let nick = nick.clone();
        move || view! { <RemoveButton pages account nick=nick.clone() submission/> }
    };
    let role_menu = {
        let nick = nick.clone();
        move || view! { <RoleMenu store room account nick=nick.clone() role submission/> }
    };
    view! {
        <li class="member" data-nick=nick.to_string()>
            <Avatar nick=nick.clone()/>
            <bdi class="name">{nick.clone()}</bdi>
            {is_self.then(|| view! { <span class="tag">{tr(Key::MembersYou)}</span> })}
            <Show
                when=may_change
                fallback=move || view! { <span class="tag role">{move || t().text(role_name(role.get()))}</span> }
            >
                {role_menu.clone()}
            </Show>
            <Show when=may_remove>{remove_button.clone()}</Show>
            <p class="field-error" role="alert">{announced(error)}</p>
        </li>
    }
}

/// A button that removes a member, after a second press.
#[component]
fn RemoveButton(
    pages: MemberPages,
    account: UserId,
    nick: Arc<str>,
    submission: Submission,
) -> impl IntoView {
    let MemberPages { store, room, .. } = pages;
    let t = use_texts();
    let is_asked = RwSignal::new(false);
    let (ask_button, confirm_button) = (NodeRef::<html::Button>::new(), NodeRef::<html::Button>::new());
    let ask = move |asked: bool| {
        is_asked.set(asked);
        focus_next_frame(if asked { confirm_button } else { ask_button });
    };
    let remove = move |_| {
        let make = |id| Command::ChangeMember { room, id, account, role: Role::None };
        let request = || store.give(submission.command(store, make));
        submission.start(request, move |()| {
            pages.remove(account);
            // The button, which has the focus, is removed.
            focus_next_frame(pages.field);
        });
    };
    let label = move || t().room_settings_remove(&nick);
    view! {
        <Show
            when=move || is_asked.get()
            fallback={
                let label = label.clone();
                move || {
                    view! {
                        <button
                            type="button" class="button quiet member-remove" node_ref=ask_button
                            aria-label=label.clone() title=label.clone() on:click=move |_| ask(true)
                        >
                            <Icon path=icon::CLOSE/>
                        </button>
                    }
                }
            }
        >
            <div class="confirm">
                <button type="button" class="button quiet" on:click=move |_| ask(false)>{tr(Key::CommonCancel)}</button>
                <button
                    type="button" class="button danger member-confirm" node_ref=confirm_button
                    aria-busy=move || submission.is_busy().to_string()
                    aria-disabled=move || submission.is_busy().then_some("true") on:click=remove
                >
                    {label.clone()}
                </button>
            </div>
        </Show>
    }
}

/// The menu for the role of a member. Returns to the present role if the server refuses another one.
#[component]
fn RoleMenu(
    store: Store,
    room: RoomId,
    account: UserId,
    nick: Arc<str>,
    role: RwSignal<Role>,
    submission: Submission,
) -> impl IntoView {
    let t = use_texts();
    let options = ROLES.map(|option| {
        view! {
            <option value=role_value(option) selected=move || role.get() == option>
                {tr(role_name(option))}
            </option>
        }
    });
    // The role that is being given while a request runs.
    let requested = RwSignal::new(Role::None);
    let shown = move || {
        // Written again after a refusal, which resets the menu.
        submission.refusal();
        role_value(if submission.is_busy() { requested.get() } else { role.get() })
    };
    let menu = NodeRef::<html::Select>::new();
    let choose = move |event: Event| {
        if untrack(|| submission.is_busy()) {
            // Not by `disabled`, which takes the focus from the menu.
            if let Some(menu) = menu.get_untracked() {
                menu.set_value(untrack(shown));
            }
            return;
        }
        let value = event_target_value(&event);
        let Some(new) = ROLES.into_iter().find(|role| role_value(*role) == value) else { return };
        requested.set(new);
        let make = |id| Command::ChangeMember { room, id, account, role: new };
        submission.start(|| store.give(submission.command(store, make)), move |()| role.set(new));
    };
    view! {
        <select
            class="role-menu" node_ref=menu aria-label=move || t().room_settings_role_of(&nick) prop:value=shown
            aria-disabled=move || submission.is_busy().then_some("true") on:change=choose
        >
            {options.collect_view()}
        </select>
    }
}

fn role_value(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Moderator => "moderator",
        _ => "member",
    }
}
