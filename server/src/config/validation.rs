//! Checks of the values of settings.

use parlour_core::limits::NICK_CHARS;
use tracing_subscriber::filter::LevelFilter;

use super::{Config, ConfigError, Span};
use crate::http::{host::is_pattern, origin::is_origin};

/// An empty database is nearly as large. A number without a unit, such as 500 for 500M, must not delete all messages.
const MIN_KEEP_BYTES: u64 = 1 << 20;
/// A page that sends more would exceed the limit of requests.
const MIN_HEARTBEAT: Span = Span::seconds(1);

impl Config {
    /// Checks the values alone and in combination.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with a sentence about the first problem.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let at_least = |name: &str, value: usize, least: usize| match value >= least {
            true => Ok(()),
            false => Err(ConfigError::Value(format!("{name} must be at least {least}, and is {value}."))),
        };
        if self.listen.is_empty() {
            return Err(ConfigError::Value("listen must contain at least one address.".into()));
        }
        if self.nick_chars > NICK_CHARS {
            return Err(ConfigError::Value(format!("nick_chars must be at most {NICK_CHARS}.")));
        }
        if !self.trust_proxy && !self.proxy_addresses.is_empty() {
            return Err(ConfigError::Value("proxy_addresses has no effect without trust_proxy.".into()));
        }
        if self.ping_timeout <= self.ping_interval {
            return Err(ConfigError::Value("ping_timeout must be longer than ping_interval.".into()));
        }
        if let Some(bad) =
            self.connect_src.iter().chain(self.frame_ancestors.iter()).find(|word| !is_source(word))
        {
            return Err(ConfigError::Value(format!(
                "\"{bad}\" is not a source of a Content-Security-Policy."
            )));
        }
        if let Some(bad) = self.allow_host.iter().find(|name| !is_pattern(name)) {
            return Err(ConfigError::Value(format!(
                "allow_host contains \"{bad}\", which is not a host name; write chat.example.org or *.example.org."
            )));
        }
        if let Some(bad) = self.allow_origin.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Value(format!(
                "allow_origin contains \"{bad}\", which is not an origin; write https://chat.example.org, with the \
                 scheme and without a path."
            )));
        }
        if let Some(bad) = unknown_level(&self.log_level) {
            return Err(ConfigError::Value(format!(
                "log_level contains \"{bad}\", which is not a level; write error, warn, info, debug or trace."
            )));
        }
        if self.server_name.trim().is_empty() || self.server_name.chars().any(char::is_control) {
            return Err(ConfigError::Value("server_name must be one line of text.".into()));
        }
        if self.heartbeat < MIN_HEARTBEAT {
            return Err(ConfigError::Value("heartbeat must be at least one second.".into()));
        }
        if (1..MIN_KEEP_BYTES).contains(&self.keep_bytes.0) {
            return Err(ConfigError::Value(format!(
                "keep_bytes must be at least 1M, and is {}; write 500M or 20G.",
                self.keep_bytes.0
            )));
        }
        at_least("nick_chars", self.nick_chars, 1)?;
        at_least("content_bytes", self.content_bytes, 1)?;
        // Nick, id, and room for future fields.
        at_least("frame_bytes", self.frame_bytes, self.content_bytes.saturating_add(512))?;
        at_least("queue_bytes", self.queue_bytes, self.content_bytes.saturating_add(4096))?;
        at_least("queue_frames", self.queue_frames, 64)?;
        at_least("rooms_per_account", self.rooms_per_account as usize, 1)?;
        at_least("room_members", self.room_members, 1)
    }
}

/// A word of a filter that stands alone and is not a level. It would be the name of a module, and nothing would be logged.
fn unknown_level(filter: &str) -> Option<&str> {
    let mut words =
        filter.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains(['=', '[']));
    words.find(|word| word.parse::<LevelFilter>().is_err())
}

fn is_source(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ';' | ','))
}
