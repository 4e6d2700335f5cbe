//! The words, in every language the page speaks.
//!
//! A language is a [`Texts`]: one field for each text, so a text that is missing does not compile. What has a
//! number or a name in it is a function, for every language has its own plural forms and order of words.
//! Dates, times and day names come from the browser ([`time`]).

use std::sync::Arc;

use parlour_core::{status::Status, timeline::Movement};

mod en;
mod phrase;
pub mod time;
mod zh;

pub use phrase::{Part, grouped};

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Locale {
    /// All of them, in the order of the language menu.
    pub const ALL: [Locale; 2] = [Locale::En, Locale::Zh];

    /// The BCP 47 tag, for the `lang` attribute and for storage.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Zh => "zh-CN",
        }
    }

    /// The language of a tag as a browser gives it; `None` for one the page does not speak.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Locale::En),
            "zh" => Some(Locale::Zh),
            _ => None,
        }
    }
}

/// The words of a language.
#[must_use]
pub fn texts(locale: Locale) -> &'static Texts {
    match locale {
        Locale::En => &en::TEXTS,
        Locale::Zh => &zh::TEXTS,
    }
}

/// All that the page says.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// The language's name in itself, for the language menu.
    pub name: &'static str,
    /// Every status, in a sentence.
    pub status: fn(Status) -> &'static str,

    // Settings.
    /// The settings' heading.
    pub settings: &'static str,
    /// The language menu.
    pub language: &'static str,
    /// The menu of light and dark.
    pub theme: &'static str,
    /// As the system has it.
    pub theme_system: &'static str,
    /// Always light.
    pub theme_light: &'static str,
    /// Always dark.
    pub theme_dark: &'static str,

    // Login.
    /// Under the title.
    pub tagline: &'static str,
    /// The field for the name.
    pub nick: &'static str,
    /// What it is for.
    pub nick_hint: &'static str,
    /// The part with the address.
    pub server: &'static str,
    /// How to write one.
    pub server_hint: &'static str,
    /// The button.
    pub log_in: &'static str,
    /// The button while it is under way.
    pub logging_in: &'static str,
    /// Stop trying.
    pub cancel: &'static str,
    /// Log in under a name that would be accepted.
    pub log_in_as: fn(&str) -> String,

    // The room.
    /// The button that leaves.
    pub exit: &'static str,
    /// The timeline, to a screen reader.
    pub timeline: &'static str,
    /// Nothing has been said: the heading.
    pub empty_title: &'static str,
    /// And what to do about it.
    pub empty_text: &'static str,
    /// Rows were let go of.
    pub dropped: &'static str,
    /// Back to the end, with the number of new messages.
    pub jump: fn(u32) -> String,
    /// The day of a row: today.
    pub today: &'static str,
    /// The day before.
    pub yesterday: &'static str,

    /// Something is missing in the middle.
    pub gap: &'static str,
    /// There is more before the first message.
    pub older: &'static str,
    /// Nothing is before the first message.
    pub beginning: &'static str,
    /// Fills the gap.
    pub load: &'static str,
    /// It is being filled.
    pub loading: &'static str,

    // A message.
    /// It waits to be sent.
    pub queued: &'static str,
    /// On its way.
    pub pending: &'static str,
    /// It was not accepted; the reason follows.
    pub not_sent: &'static str,
    /// Send it again.
    pub retry: &'static str,
    /// Put its text back to where one writes.
    pub edit: &'static str,
    /// Let go of it.
    pub discard: &'static str,

    // Lines of the program.
    /// Some names out of so many people came (`true`) or went.
    pub moved: fn(&[Arc<str>], usize, bool) -> Vec<Part>,
    /// Who is there: names, and how many more.
    pub who: fn(&[Arc<str>], usize) -> Vec<Part>,
    /// The heading of the commands.
    pub help: &'static str,
    /// The commands and what each does.
    pub commands: &'static [(&'static str, &'static str)],
    /// Something may be missing here.
    pub missed: &'static str,
    /// This device keeps nothing.
    pub nothing_kept: &'static str,
    /// Something came that could not be read.
    pub unreadable: &'static str,

    // The composer.
    /// The text field.
    pub message: &'static str,
    /// What its keys do.
    pub message_keys: &'static str,
    /// The button.
    pub send: &'static str,
    /// Too long by so many bytes.
    pub too_long: fn(usize) -> String,
    /// The server takes no more for so many seconds: it can't store anything, or this is its rate limit.
    pub wait: fn(Status, u32) -> String,
    /// Written while there is no connection, which will come back by itself.
    pub sent_later: &'static str,
    /// Written while there is no connection, which will not.
    pub sent_never: &'static str,

    // The roster.
    /// The heading.
    pub people: &'static str,
    /// How many are there.
    pub people_count: fn(usize) -> String,
    /// Opens the list.
    pub people_show: &'static str,
    /// Closes it.
    pub people_hide: &'static str,
    /// The field that filters.
    pub people_filter: &'static str,
    /// The filter lets nobody through.
    pub people_none: &'static str,
    /// So many more than are listed.
    pub people_more: fn(usize) -> String,
    /// Marks oneself.
    pub you: &'static str,
    /// Marks who is not at the screen.
    pub away: &'static str,

    // The connection.
    /// The bar, to a screen reader.
    pub connection: &'static str,
    /// Talking.
    pub online: &'static str,
    /// Not talking, and not trying.
    pub idle: &'static str,
    /// The first attempt.
    pub connecting: &'static str,
    /// Another attempt is under way.
    pub reconnecting: &'static str,
    /// The next one is in so many seconds.
    pub retry_in: fn(u32) -> String,
    /// Not waiting for it.
    pub retry_now: &'static str,
    /// Not connected yet; what is shown comes from this device.
    pub from_device: &'static str,
    /// Trying again what ended for good.
    pub connect_again: &'static str,
    /// Taking the session back from another window.
    pub use_here: &'static str,
    /// Loading the page again.
    pub reload: &'static str,
    /// The time of a ping, to a screen reader.
    pub round_trip: fn(u32) -> String,
    /// The server speaks the basic dialect: in two words.
    pub basic: &'static str,
    /// What that means.
    pub basic_lead: &'static str,
    /// What it can't do.
    pub basic_missing: &'static [&'static str],
    /// Puts the explanation away.
    pub understood: &'static str,

    // The end.
    /// The program has crashed: the heading.
    pub crash_title: &'static str,
    /// And what to do.
    pub crash_text: &'static str,
}

impl Texts {
    /// A line of comings and goings, in one sentence for those who came and one for those who went.
    #[must_use]
    pub fn movement(&self, movement: &Movement) -> Vec<Vec<Part>> {
        let Movement { joined, left, more_joined, more_left, .. } = movement;
        [(joined, *more_joined, true), (left, *more_left, false)]
            .into_iter()
            .filter(|(names, more, _)| names.len() + more > 0)
            .map(|(names, more, came)| (self.moved)(names, names.len() + more, came))
            .collect()
    }
}

#[cfg(test)]
mod tests;
