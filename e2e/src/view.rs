//! Snapshots of what a page shows, each read by one script.

use serde::Deserialize;

/// The state that a page shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Title of the document.
    pub title: String,
    /// Language of the document.
    pub lang: String,
    /// `data-theme` of the document.
    pub theme: Option<String>,
    /// The whole text, if the page shows neither the login page nor a room.
    pub text: Option<String>,
    /// The login page is shown.
    pub login: bool,
    /// The error of the login form.
    pub login_error: Option<String>,
    /// The text of the button that suggests another nick.
    pub suggestion: Option<String>,
    /// The room is shown.
    pub room: bool,
    /// `data-state` of the connection bar.
    pub connection: Option<String>,
    /// The text of the connection bar.
    pub connection_text: Option<String>,
    /// The "Retry now" button is visible and enabled.
    pub retry_now: bool,
    /// The displayed round-trip time.
    pub round_trip: Option<String>,
    /// The last 200 rows of the timeline.
    pub rows: Vec<Row>,
    /// The first 200 nicks of the member list.
    pub members: Vec<String>,
    /// The displayed number of members.
    pub member_count: Option<String>,
    /// The text in the composer.
    pub composer: Option<String>,
    /// The composer's note.
    pub note: Option<String>,
    /// The "jump to the end" button is visible and enabled.
    pub jump: bool,
    /// The text of the crash page.
    pub crash: Option<String>,
    /// The text of the loading screen or of a loading error.
    pub boot: Option<String>,
}

/// A row of the timeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// `message`, `day`, `presence`, `notice`, `gap` or `beginning`.
    pub kind: String,
    /// `queued`, `pending`, `sent` or `failed`. Messages only.
    pub delivery: Option<String>,
    /// The message id. Messages only.
    pub id: Option<String>,
    /// The message was sent by the reader.
    pub own: bool,
    /// The message continues a group, so the row shows no name.
    pub continued: bool,
    /// The sender's nick.
    pub nick: Option<String>,
    /// The text of a message.
    pub content: Option<String>,
    /// The sentences of a presence row.
    pub sentences: Vec<String>,
    /// The whole text of the row.
    pub text: String,
}

impl View {
    /// Logged in and connected to a rich server.
    #[must_use]
    pub fn online(&self) -> bool {
        self.room && self.connection.as_deref() == Some("online")
    }

    /// Logged in and connected to a basic server.
    #[must_use]
    pub fn basic(&self) -> bool {
        self.room && self.connection.as_deref() == Some("basic")
    }

    /// The messages with this content.
    #[must_use]
    pub fn messages_with(&self, content: &str) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.content.as_deref() == Some(content)).collect()
    }

    /// Exactly one message has this content, and it is sent.
    #[must_use]
    pub fn has_sent(&self, content: &str) -> bool {
        matches!(self.messages_with(content)[..], [row] if row.delivery.as_deref() == Some("sent"))
    }

    /// Exactly one message has this content, and it has this delivery state.
    #[must_use]
    pub fn has_in_state(&self, content: &str, delivery: &str) -> bool {
        matches!(self.messages_with(content)[..], [row] if row.delivery.as_deref() == Some(delivery))
    }

    /// The texts of all rows of a kind.
    #[must_use]
    pub fn row_texts(&self, kind: &str) -> Vec<&str> {
        self.rows.iter().filter(|row| row.kind == kind).map(|row| &*row.text).collect()
    }

    /// The number of presence sentences that contain both the nick and these words.
    #[must_use]
    pub fn presence_sentences(&self, nick: &str, words: &str) -> usize {
        let matching = |sentence: &&String| sentence.contains(nick) && sentence.contains(words);
        self.rows.iter().flat_map(|row| &row.sentences).filter(matching).count()
    }

    /// The member list contains this nick.
    #[must_use]
    pub fn lists(&self, nick: &str) -> bool {
        self.members.iter().any(|name| name == nick)
    }

    /// The contents of all messages, in order.
    #[must_use]
    pub fn contents(&self) -> Vec<&str> {
        self.rows.iter().filter_map(|row| row.content.as_deref()).collect()
    }
}

/// All messages in the document, with less other state than [`View`]; for tests with many messages.
#[derive(Clone, Debug, Deserialize)]
pub struct MessagesView {
    /// The login page is shown.
    pub login: bool,
    /// A login is in progress.
    pub busy: bool,
    /// The room is shown.
    pub room: bool,
    /// `data-state` of the connection bar.
    pub connection: Option<String>,
    /// The text in the composer.
    pub composer: Option<String>,
    /// The nicks of the member list.
    pub members: Vec<String>,
    /// The messages, in order.
    pub messages: Vec<ShownMessage>,
    /// The number of gaps in the timeline.
    pub gaps: usize,
    /// The text of the loading screen, of a loading error, or of the crash page.
    pub boot_or_crash: Option<String>,
}

/// A message as shown by a page.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct ShownMessage {
    /// The message id in hexadecimal digits.
    pub id: String,
    /// The text.
    pub content: String,
    /// `queued`, `pending`, `sent` or `failed`.
    pub delivery: String,
}

impl MessagesView {
    /// Online, with every shown message sent.
    #[must_use]
    pub fn settled(&self) -> bool {
        let sent = |message: &ShownMessage| message.delivery == "sent";
        self.room && self.connection.as_deref() == Some("online") && self.messages.iter().all(sent)
    }

    /// A summary for failure messages.
    #[must_use]
    pub fn summary(&self) -> String {
        let unsent: Vec<_> = self.messages.iter().filter(|message| message.delivery != "sent").collect();
        let Self { login, busy, room, connection, composer, members, gaps, boot_or_crash, messages } = self;
        format!(
            "login {login} (busy {busy}), room {room}, connection {connection:?}, composer {composer:?}, members \
             {members:?}, {gaps} gaps, boot or crash page {boot_or_crash:?}, {} messages, last {:?}, not sent: {unsent:#?}",
            messages.len(),
            messages.last()
        )
    }
}

/// Script that reads a [`MessagesView`].
pub(crate) const READ_MESSAGES_VIEW: &str = r"
    const one = (selector, within = document) => within.querySelector(selector);
    return {
        login: !!one('form#login'),
        busy: one('#login-submit')?.getAttribute('aria-busy') === 'true',
        room: !!one('#room'),
        connection: one('#connection')?.dataset.state ?? null,
        composer: one('#composer-text')?.value ?? null,
        members: [...document.querySelectorAll('#roster li[data-nick]')].map((e) => e.dataset.nick),
        messages: [...document.querySelectorAll('#timeline .row.message')].map((e) => ({
            id: e.dataset.id, content: one('.content', e).textContent, delivery: e.dataset.delivery ?? '',
        })),
        gaps: document.querySelectorAll('#timeline .row.gap').length,
        boot_or_crash: (one('#crash') ?? one('#boot'))?.textContent.trim() ?? null,
    };
";

/// Script that reads a [`View`].
pub(crate) const READ_VIEW: &str = r"
    const one = (selector, within = document) => within.querySelector(selector);
    const words = (selector, within) => { const e = one(selector, within); return e ? e.innerText.trim() : null; };
    const shown = (selector) => { const e = one(selector); return !!e && e.checkVisibility() && !e.disabled; };
    const room = !!one('#room'), login = !!one('form#login');
    // Rows outside the viewport may have no layout, and then no innerText. Firefox omits bidi controls from innerText.
    const bidiControls = /[\u202A-\u202E\u2066-\u2069]/g;
    const same = (e) => e.innerText.replace(bidiControls, '') === e.textContent.replace(bidiControls, '');
    const readText = (e) => e && (e.innerText.trim() && !same(e) ? e.innerText : e.textContent);
    const row = (e) => ({
        kind: ['message', 'day', 'presence', 'notice', 'gap', 'beginning'].find((kind) => e.classList.contains(kind)) ?? 'unknown',
        delivery: e.dataset.delivery ?? null,
        id: e.dataset.id ?? null,
        own: e.classList.contains('own'),
        continued: e.classList.contains('continued'),
        nick: one('.nick', e)?.textContent ?? null,
        content: readText(one('.content', e)),
        sentences: e.classList.contains('presence') ? [...e.children].map((part) => part.textContent) : [],
        text: readText(e).trim(),
    });
    return {
        title: document.title,
        lang: document.documentElement.lang,
        theme: document.documentElement.dataset.theme ?? null,
        text: room || login ? null : document.body.innerText.trim(),
        login, room,
        loginError: words('#login-error') || null,
        suggestion: words('#login-suggestion') || null,
        connection: one('#connection')?.dataset.state ?? null,
        connectionText: words('#connection'),
        retryNow: shown('#retry-now:not([aria-disabled=true])'),
        roundTrip: words('#round-trip') || null,
        rows: [...document.querySelectorAll('#timeline .row')].slice(-200).map(row),
        members: [...document.querySelectorAll('#roster li[data-nick]')].slice(0, 200).map((e) => e.dataset.nick),
        memberCount: words('#roster-count'),
        composer: one('#composer-text')?.value ?? null,
        note: words('#composer-note') || words('#composer-countdown') || null,
        jump: shown('#jump-to-end'),
        crash: words('#crash'),
        boot: words('#boot'),
    };
";
