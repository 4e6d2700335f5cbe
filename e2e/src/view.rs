//! What a page shows, read in one go.

use serde::Deserialize;

/// What a page shows now.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Of the document.
    pub title: String,
    /// Of the document.
    pub lang: String,
    /// `data-theme` of the document.
    pub theme: Option<String>,
    /// All words on the page, where it shows neither a login nor a room.
    pub text: Option<String>,
    /// The login page is there.
    pub login: bool,
    /// What went wrong with the login, if something is said of it.
    pub login_error: Option<String>,
    /// The button with a name that would be accepted.
    pub suggestion: Option<String>,
    /// The room is there.
    pub room: bool,
    /// `data-state` of the connection bar.
    pub connection: Option<String>,
    /// The words in the bar.
    pub connection_text: Option<String>,
    /// "Retry now" can be pressed.
    pub retry_now: bool,
    /// The time of a ping.
    pub round_trip: Option<String>,
    /// The timeline.
    pub rows: Vec<Row>,
    /// Who is there.
    pub roster: Vec<String>,
    /// How many are there, in the page's words.
    pub roster_count: Option<String>,
    /// What is typed and not sent.
    pub composer: Option<String>,
    /// What the composer has to say.
    pub note: Option<String>,
    /// "Jump to the end" is there.
    pub jump: bool,
    /// The words of a crash.
    pub crash: Option<String>,
    /// The words while the page is being loaded, and when that fails.
    pub boot: Option<String>,
}

/// A row of the timeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// `message`, `day`, `movement`, `notice`, `gap` or `beginning`.
    pub kind: String,
    /// `queued`, `pending`, `sent` or `failed`; of a message.
    pub delivery: Option<String>,
    /// Of a message.
    pub id: Option<String>,
    /// The one who reads has said it.
    pub own: bool,
    /// It goes on from the row above, and says no name.
    pub continued: bool,
    /// Who said it.
    pub nick: Option<String>,
    /// What was said.
    pub content: Option<String>,
    /// The sentences of a line of comings and goings.
    pub sentences: Vec<String>,
    /// All words of the row.
    pub text: String,
}

impl View {
    /// Logged in, and talking with one of our servers.
    #[must_use]
    pub fn online(&self) -> bool {
        self.room && self.connection.as_deref() == Some("online")
    }

    /// The messages with this content.
    #[must_use]
    pub fn said(&self, content: &str) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.content.as_deref() == Some(content)).collect()
    }

    /// It is there, once, and as far as it can come.
    #[must_use]
    pub fn has(&self, content: &str) -> bool {
        matches!(self.said(content)[..], [row] if row.delivery.as_deref() == Some("sent"))
    }

    /// It is there, once, and that far.
    #[must_use]
    pub fn has_as(&self, content: &str, delivery: &str) -> bool {
        matches!(self.said(content)[..], [row] if row.delivery.as_deref() == Some(delivery))
    }

    /// The lines of a kind, in all their words.
    #[must_use]
    pub fn lines(&self, kind: &str) -> Vec<&str> {
        self.rows.iter().filter(|row| row.kind == kind).map(|row| &*row.text).collect()
    }

    /// How many sentences about comings and goings have both the name and these words in them.
    #[must_use]
    pub fn movements(&self, nick: &str, words: &str) -> usize {
        let told = |sentence: &&String| sentence.contains(nick) && sentence.contains(words);
        self.rows.iter().flat_map(|row| &row.sentences).filter(told).count()
    }

    /// Somebody is on the list.
    #[must_use]
    pub fn lists(&self, nick: &str) -> bool {
        self.roster.iter().any(|name| name == nick)
    }

    /// The contents of the messages, in order.
    #[must_use]
    pub fn contents(&self) -> Vec<&str> {
        self.rows.iter().filter_map(|row| row.content.as_deref()).collect()
    }
}

/// What a page shows of its messages: less than a [`View`], but all of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Glance {
    /// The login page is there.
    pub login: bool,
    /// It waits for the server.
    pub busy: bool,
    /// The room is there.
    pub room: bool,
    /// `data-state` of the connection bar.
    pub connection: Option<String>,
    /// What is typed and not sent.
    pub composer: Option<String>,
    /// Who is there.
    pub roster: Vec<String>,
    /// The messages, in order.
    pub messages: Vec<Said>,
    /// Places where something is missing that can be loaded.
    pub gaps: usize,
    /// The words while the page is being loaded, when that fails, and of a crash.
    pub trouble: Option<String>,
}

/// A message as a page shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Said {
    /// Its id, in hexadecimal digits.
    pub id: String,
    /// What was said.
    pub content: String,
    /// `queued`, `pending`, `sent` or `failed`.
    pub delivery: String,
}

impl Glance {
    /// Logged in, talking with the server, and everything one has said has arrived.
    #[must_use]
    pub fn settled(&self) -> bool {
        let sent = |said: &Said| said.delivery == "sent";
        self.room && self.connection.as_deref() == Some("online") && self.messages.iter().all(sent)
    }

    /// The ends of what it shows, for who has to read what is wrong.
    #[must_use]
    pub fn summary(&self) -> String {
        let unsent: Vec<_> = self.messages.iter().filter(|said| said.delivery != "sent").collect();
        let Self { login, busy, room, connection, composer, roster, gaps, trouble, messages } = self;
        format!(
            "login {login} (busy {busy}), room {room}, connection {connection:?}, composer {composer:?}, roster \
             {roster:?}, {gaps} gaps, trouble {trouble:?}, {} messages, last {:?}, not sent: {unsent:#?}",
            messages.len(),
            messages.last()
        )
    }
}

/// Reads a [`Glance`].
pub(crate) const GLANCE: &str = r"
    const one = (selector, within = document) => within.querySelector(selector);
    return {
        login: !!one('form#login'),
        busy: one('#login-submit')?.getAttribute('aria-busy') === 'true',
        room: !!one('#room'),
        connection: one('#connection')?.dataset.state ?? null,
        composer: one('#composer-text')?.value ?? null,
        roster: [...document.querySelectorAll('#roster li[data-nick]')].map((e) => e.dataset.nick),
        messages: [...document.querySelectorAll('#timeline .row.message')].map((e) => ({
            id: e.dataset.id, content: one('.content', e).textContent, delivery: e.dataset.delivery ?? '',
        })),
        gaps: document.querySelectorAll('#timeline .row.gap').length,
        trouble: (one('#crash') ?? one('#boot'))?.textContent.trim() ?? null,
    };
";

/// Reads a [`View`].
pub(crate) const LOOK: &str = r"
    const one = (selector, within = document) => within.querySelector(selector);
    const words = (selector, within) => { const e = one(selector, within); return e ? e.innerText.trim() : null; };
    const shown = (selector) => { const e = one(selector); return !!e && e.checkVisibility() && !e.disabled; };
    const room = !!one('#room'), login = !!one('form#login');
    // A row out of sight may not be laid out, and has no inner text then. Firefox leaves out of it what turns words round.
    const turned = /[\u202A-\u202E\u2066-\u2069]/g;
    const same = (e) => e.innerText.replace(turned, '') === e.textContent.replace(turned, '');
    const said = (e) => e && (e.innerText.trim() && !same(e) ? e.innerText : e.textContent);
    const row = (e) => ({
        kind: ['message', 'day', 'movement', 'notice', 'gap', 'beginning'].find((kind) => e.classList.contains(kind)) ?? 'unknown',
        delivery: e.dataset.delivery ?? null,
        id: e.dataset.id ?? null,
        own: e.classList.contains('own'),
        continued: e.classList.contains('continued'),
        nick: one('.nick', e)?.textContent ?? null,
        content: said(one('.content', e)),
        sentences: e.classList.contains('movement') ? [...e.children].map((part) => part.textContent) : [],
        text: said(e).trim(),
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
        retryNow: shown('#retry-now'),
        roundTrip: words('#round-trip') || null,
        rows: [...document.querySelectorAll('#timeline .row')].slice(-200).map(row),
        roster: [...document.querySelectorAll('#roster li[data-nick]')].slice(0, 200).map((e) => e.dataset.nick),
        rosterCount: words('#roster-count'),
        composer: one('#composer-text')?.value ?? null,
        note: words('#composer-note') || null,
        jump: shown('#jump-to-end'),
        crash: words('#crash'),
        boot: words('#boot'),
    };
";
