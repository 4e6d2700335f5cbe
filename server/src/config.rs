//! The settings: flags take precedence over environment variables, these over a TOML file, and this over the
//! defaults.
//!
//! All settings are defined in one table below, from which the flags, variables, file keys, [`Config`] and
//! [`settings`] are generated.

mod network;
mod validation;
mod value;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{CommandFactory as _, FromArgMatches as _, builder::Resettable};
use parlour_core::{
    limits::{Limits, NICK_CHARS},
    model::Role,
};
use thiserror::Error;

pub use self::network::Network;
pub use self::value::{Age, Bytes, List, LobbyRole, LogFormat, MaybePath, RoomCreators, Span};
use crate::store::{Retention, RoomLimits};

/// The reason why there is no valid configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A flag or variable is invalid, or help was requested.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file cannot be read.
    #[error("The settings file {} can't be read: {error}.", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        error: std::io::Error,
    },
    /// The file is invalid.
    #[error("The settings file {} is wrong: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Position and error.
        error: toml::de::Error,
    },
    /// The text is invalid.
    #[error("The settings are wrong: {0}")]
    Text(#[from] toml::de::Error),
    /// A value is invalid.
    #[error("{0}")]
    Value(String),
}

/// The documentation of a setting.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The key in the file; the flag is the same with `--` before it and `-` for `_`.
    pub key: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// The default.
    pub default: String,
    /// The meaning.
    pub meaning: &'static str,
}

/// A command that runs instead of the server.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Copies the message log to a new file and writes its checksum to a second one; the server may be running
    Backup {
        /// The new file; an existing file is never overwritten
        to: PathBuf,
    },
    /// Compares accounts, rooms and the search index with the events in the message log; the server may be running
    Check,
    /// Rebuilds accounts, rooms and the search index from the events in the message log; the server must not be running
    Rebuild,
    /// Gives a user a role in the lobby; the server must not be running
    Role {
        /// The name of a user who has logged in before
        nick: String,
        /// The role
        role: LobbyRole,
    },
}

macro_rules! settings {
    ($($name:ident, $variable:literal, $kind:ty, $default:expr, $shown:literal, $meaning:literal;)*) => {
        /// The validated settings.
        #[derive(Debug, Clone)]
        #[allow(rustdoc::bare_urls, reason = "the meanings are shown as plain text by --help")]
        pub struct Config {
            $(#[doc = $meaning] pub $name: $kind,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// Parlour's server: the page, the WebSocket endpoint and the rooms in one binary.
        #[derive(Debug, Default, clap::Parser)]
        #[command(name = "parlour-server", version, about)]
        struct Args {
            /// A TOML file with settings; the keys are the names of the flags with _ for -
            #[arg(long, env = "PARLOUR_CONFIG", global = true)]
            config: Option<PathBuf>,
            #[command(subcommand)]
            command: Option<Command>,
            $(
                #[doc = concat!($meaning, " [default: ", $shown, "]")]
                #[arg(long, env = $variable, num_args = value::count(stringify!($kind)),
                    require_equals = stringify!($kind) == "bool", default_missing_value = "true",
                    global = value::is_global(stringify!($name)))]
                $name: Option<$kind>,
            )*
        }

        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct File {
            $($name: Option<$kind>,)*
        }

        impl Config {
            fn merge(args: Args, file: File) -> Self {
                let default = Self::default();
                Self { $($name: args.$name.or(file.$name).unwrap_or(default.$name),)* }
            }
        }

        /// The documentation of all settings, in order.
        #[must_use]
        pub fn settings() -> Vec<Setting> {
            vec![$(Setting {
                key: stringify!($name),
                variable: $variable,
                default: $shown.into(),
                meaning: $meaning,
            },)*]
        }
    };
}

settings! {
    listen, "PARLOUR_LISTEN", List<SocketAddr>, List(vec![(Ipv4Addr::UNSPECIFIED, 8080).into()]), "0.0.0.0:8080",
        "Addresses and ports to listen on, separated by commas";
    server_name, "PARLOUR_SERVER_NAME", String, "Parlour".into(), "Parlour",
        "The server's name; no user can take it";
    assets, "PARLOUR_ASSETS", MaybePath, MaybePath::default(), "the built-in page",
        "A directory with a built page, served instead of the one in the binary";
    page_config, "PARLOUR_PAGE_CONFIG", MaybePath, MaybePath::default(), "none",
        "A JSON file served as /config.json, the settings of the page";
    allow_origin, "PARLOUR_ALLOW_ORIGIN", List<String>, List(Vec::new()), "none",
        "Origins of pages on other hosts that may connect, such as https://chat.example.org, separated by commas; * allows all";
    allow_host, "PARLOUR_ALLOW_HOST", List<String>, List(Vec::new()), "none",
        "Host names of this server over plain http, such as chat.example.org or *.example.org, separated by commas; * allows all";
    connect_src, "PARLOUR_CONNECT_SRC", List<String>, List(vec!["ws:".into(), "wss:".into()]), "ws:,wss:",
        "Hosts the page may connect to besides its own, as in a Content-Security-Policy";
    frame_ancestors, "PARLOUR_FRAME_ANCESTORS", List<String>, List(vec!["'self'".into()]), "'self'",
        "Pages that may embed this one in a frame, as in a Content-Security-Policy";
    trust_proxy, "PARLOUR_TRUST_PROXY", bool, false, "false",
        "A reverse proxy is in front: trust its X-Forwarded-For, X-Forwarded-Host and Forwarded";
    proxy_addresses, "PARLOUR_PROXY_ADDRESSES", List<Network>, List(Vec::new()), "none",
        "Addresses and networks of the reverse proxies, such as 10.0.0.0/8, separated by commas; without it, trust_proxy trusts whoever connects";
    max_connections, "PARLOUR_MAX_CONNECTIONS", usize, 20_000, "20000",
        "Maximum number of connections; 0 for no limit";
    max_connections_per_address, "PARLOUR_MAX_CONNECTIONS_PER_ADDRESS", usize, 200, "200",
        "Maximum number of connections from one address; 0 for no limit";
    content_bytes, "PARLOUR_CONTENT_BYTES", usize, 16 * 1024, "16384",
        "Maximum length of a message, in bytes of UTF-8";
    frame_bytes, "PARLOUR_FRAME_BYTES", usize, 64 * 1024, "65536",
        "Maximum size of a WebSocket message from a client, in bytes";
    nick_chars, "PARLOUR_NICK_CHARS", usize, NICK_CHARS, "32",
        "Maximum length of a name, in characters; at most 32";
    messages_per_minute, "PARLOUR_MESSAGES_PER_MINUTE", u32, 300, "300",
        "Messages per minute that one user may send in the long run; 0 for no limit";
    burst, "PARLOUR_BURST", u32, 20, "20",
        "Messages that one user may send at once";
    room_members, "PARLOUR_ROOM_MEMBERS", usize, 20_000, "20000",
        "Maximum number of members of a room";
    rooms_per_account, "PARLOUR_ROOMS_PER_ACCOUNT", u32, 2_000, "2000",
        "Maximum number of rooms that one user is in or invited to, besides the lobby";
    rooms_created, "PARLOUR_ROOMS_CREATED", u32, 100, "100",
        "Maximum number of public and private rooms that one user creates";
    room_creators, "PARLOUR_ROOM_CREATORS", RoomCreators, RoomCreators::Everybody, "everybody",
        "Who may create public and private rooms: everybody, or the moderators and owners of the lobby (moderators)";
    queue_bytes, "PARLOUR_QUEUE_BYTES", usize, 256 * 1024, "262144",
        "Bytes that may be queued for a connection that reads slowly";
    queue_frames, "PARLOUR_QUEUE_FRAMES", usize, 1024, "1024",
        "Writes that may be queued for a connection that reads slowly";
    ping_interval, "PARLOUR_PING_INTERVAL", Span, Span::seconds(20), "20s",
        "A WebSocket Ping is sent after this long without data from the client";
    ping_timeout, "PARLOUR_PING_TIMEOUT", Span, Span::seconds(45), "45s",
        "A connection is closed after this long without data from the client";
    frame_timeout, "PARLOUR_FRAME_TIMEOUT", Span, Span::seconds(30), "30s",
        "How long a client may take to send one WebSocket message";
    write_timeout, "PARLOUR_WRITE_TIMEOUT", Span, Span::seconds(10), "10s",
        "A connection is closed when it accepts no data for this long";
    login_timeout, "PARLOUR_LOGIN_TIMEOUT", Span, Span::seconds(10), "10s",
        "How long a client may take to log in";
    header_timeout, "PARLOUR_HEADER_TIMEOUT", Span, Span::seconds(10), "10s",
        "How long a client may take to send the headers of an HTTP request";
    shutdown_timeout, "PARLOUR_SHUTDOWN_TIMEOUT", Span, Span::seconds(5), "5s",
        "How long a stopping server waits for its connections to end";
    heartbeat, "PARLOUR_HEARTBEAT", Span, Span::seconds(15), "15s",
        "How often the page should check that the connection is alive";
    session_grace, "PARLOUR_SESSION_GRACE", Span, Span::seconds(24 * 3600), "24h",
        "How long a lost session can be resumed";
    name_grace, "PARLOUR_NAME_GRACE", Span, Span::seconds(60), "1m",
        "How long the name of a lost session stays reserved";
    logins_per_second, "PARLOUR_LOGINS_PER_SECOND", u32, 2_000, "2000",
        "Logins per second in the long run; further ones are refused with a time to retry; 0 for no limit";
    login_burst, "PARLOUR_LOGIN_BURST", u32, 4_000, "4000",
        "Logins accepted at once";
    data_dir, "PARLOUR_DATA_DIR", PathBuf, "parlour-data".into(), "parlour-data",
        "The directory of the message log; created if missing";
    keep_age, "PARLOUR_KEEP_AGE", Age, Age::default(), "none",
        "Messages older than this are deleted, such as 90d";
    keep_messages, "PARLOUR_KEEP_MESSAGES", u64, 0, "0",
        "Number of newest messages to keep per room; 0 for all";
    keep_bytes, "PARLOUR_KEEP_BYTES", Bytes, Bytes(0), "0",
        "When the message log is larger than this, such as 500M or 20G, the oldest messages are deleted; 0 for no limit";
    log_format, "PARLOUR_LOG_FORMAT", LogFormat, LogFormat::Text, "text",
        "Format of the diagnostics: text or json";
    log_level, "PARLOUR_LOG_LEVEL", String, "info".into(), "info",
        "Level of the diagnostics: error, warn, info, debug, trace, or a filter such as info,hyper=warn";
}

impl Config {
    /// Reads the program's arguments, its environment, and the file that they name.
    ///
    /// # Errors
    /// See [`ConfigError`]; [`ConfigError::Arguments`] also if help or the version was requested.
    pub fn load<I>(arguments: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<std::ffi::OsString> + Clone,
    {
        Self::load_command(arguments).map(|(config, _)| config)
    }

    /// Loads the configuration as [`Config::load`] does, and returns it with the command, if there is one.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_command<I>(arguments: I) -> Result<(Self, Option<Command>), ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<std::ffi::OsString> + Clone,
    {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        let mut args =
            Args::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
        let command = args.command.take();
        let file = match &args.config {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::Read { path: path.clone(), error })?;
                read_file(&text).map_err(|error| ConfigError::File { path: path.clone(), error })?
            }
        };
        let config = Self::merge(args, file);
        config.validate()?;
        Ok((config, command))
    }

    /// Reads settings in the format of the file, and nothing else.
    ///
    /// # Errors
    /// [`ConfigError::Text`] or [`ConfigError::Value`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config = Self::merge(Args::default(), read_file(text)?);
        config.validate()?;
        Ok(config)
    }

    /// The retention of the event log.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            age: self.keep_age.duration(),
            messages: (self.keep_messages > 0).then_some(self.keep_messages),
            bytes: (self.keep_bytes.0 > 0).then_some(self.keep_bytes.0),
            ..Retention::default()
        }
    }

    /// The limits on rooms.
    #[must_use]
    pub fn room_limits(&self) -> RoomLimits {
        RoomLimits {
            rooms_per_account: self.rooms_per_account,
            rooms_created: self.rooms_created,
            creators: match self.room_creators {
                RoomCreators::Everybody => Role::Member,
                RoomCreators::Moderators => Role::Moderator,
            },
        }
    }

    /// The limits that are announced to clients at login.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            content_bytes: self.content_bytes,
            frame_bytes: self.frame_bytes,
            nick_chars: self.nick_chars,
            messages_per_minute: self.messages_per_minute,
            burst: self.burst,
            room_members: self.room_members,
        }
    }
}

/// The command line. An environment variable without a value counts as not set: files for containers and service
/// managers often list variables that are to be filled in.
fn command() -> clap::Command {
    Args::command().mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        match value.is_some_and(|value| value.to_string_lossy().trim().is_empty()) {
            true => arg.env(Resettable::Reset),
            false => arg,
        }
    })
}

/// Reads the settings in a file. A key whose value is empty counts as not set, as in the environment.
fn read_file(text: &str) -> Result<File, toml::de::Error> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let is_empty = |value: &toml::Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    let mut settings: toml::Table = toml::from_str(text)?;
    let count = settings.len();
    settings.retain(|_, value| !is_empty(value));
    // From the text if possible, because its errors say where they are.
    if settings.len() == count { toml::from_str(text) } else { settings.try_into() }
}

#[cfg(test)]
mod tests;
