//! The settings: flags, before environment variables, before a TOML file, before the defaults.
//!
//! All of them stand once, in the table below; the flags, the variables, the keys of the file, the
//! [`Config`] and [`SETTINGS`], the table for readers, are made of it.

mod value;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Parser as _;
use parlour_core::limits::{Limits, NICK_CHARS};
use thiserror::Error;

pub use self::value::{Age, Bytes, List, LogFormat, MaybePath, Span};
use crate::log::Retention;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A flag or variable is wrong, or help was asked for.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file can't be read.
    #[error("The settings file {} can't be read: {error}.", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("The settings file {} is wrong: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: toml::de::Error,
    },
    /// A text is not what it should be.
    #[error("The settings are wrong: {0}")]
    Text(#[from] toml::de::Error),
    /// A value makes no sense.
    #[error("{0}")]
    Value(String),
}

/// A setting as readers are told of it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The key in the file; the flag is the same with `--` before it and `-` for `_`.
    pub key: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// What it is when nobody says.
    pub default: String,
    /// What it means.
    pub meaning: &'static str,
}

/// What the program does when it is not to serve.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Copies the log to a new file, while a server is running or not, with its checksum beside it
    Backup {
        /// The file; nothing is ever written over
        to: PathBuf,
    },
}

macro_rules! settings {
    ($($name:ident, $variable:literal, $kind:ty, $default:expr, $shown:literal, $meaning:literal;)*) => {
        /// What can be set, validated.
        #[derive(Debug, Clone)]
        pub struct Config {
            $(#[doc = $meaning] pub $name: $kind,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// Parlour's server: the page, the socket and the rooms in one binary.
        #[derive(Debug, Default, clap::Parser)]
        #[command(name = "parlour-server", version, about)]
        struct Args {
            /// A file with settings, in TOML; keys are the flags' names with _ for -
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

        /// All settings.
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
        "Address and port to listen on; several with commas between them";
    server_name, "PARLOUR_SERVER_NAME", String, "Parlour".into(), "Parlour",
        "What the server is called; nobody can take this name";
    assets, "PARLOUR_ASSETS", MaybePath, MaybePath::default(), "the built-in page",
        "A directory with the built page, to serve instead of the one in the binary";
    page_config, "PARLOUR_PAGE_CONFIG", MaybePath, MaybePath::default(), "none",
        "A JSON file to serve as /config.json, the page's own settings";
    allow_origin, "PARLOUR_ALLOW_ORIGIN", List<String>, List(Vec::new()), "none",
        "Pages on other hosts that may connect, as https://chat.example.org; several with commas; * for all";
    connect_src, "PARLOUR_CONNECT_SRC", List<String>, List(vec!["ws:".into(), "wss:".into()]), "ws:,wss:",
        "Where the page may connect besides its own host, as in a Content-Security-Policy";
    frame_ancestors, "PARLOUR_FRAME_ANCESTORS", List<String>, List(vec!["'self'".into()]), "'self'",
        "Which pages may embed this one in a frame, as in a Content-Security-Policy";
    trust_proxy, "PARLOUR_TRUST_PROXY", bool, false, "false",
        "A reverse proxy is in front: believe its X-Forwarded-For and X-Forwarded-Host";
    max_connections, "PARLOUR_MAX_CONNECTIONS", usize, 20_000, "20000",
        "Connections in all; 0 for no limit";
    max_connections_per_address, "PARLOUR_MAX_CONNECTIONS_PER_ADDRESS", usize, 200, "200",
        "Connections from one address; 0 for no limit";
    content_bytes, "PARLOUR_CONTENT_BYTES", usize, 16 * 1024, "16384",
        "The longest message, in bytes of UTF-8";
    frame_bytes, "PARLOUR_FRAME_BYTES", usize, 64 * 1024, "65536",
        "The longest WebSocket message from a client, in bytes";
    nick_chars, "PARLOUR_NICK_CHARS", usize, NICK_CHARS, "32",
        "The longest name, in characters; at most 32";
    messages_per_minute, "PARLOUR_MESSAGES_PER_MINUTE", u32, 300, "300",
        "Messages one user may send a minute on the long run; 0 for no limit";
    burst, "PARLOUR_BURST", u32, 20, "20",
        "Messages one user may send at once";
    room_members, "PARLOUR_ROOM_MEMBERS", usize, 20_000, "20000",
        "Members of a room";
    queue_bytes, "PARLOUR_QUEUE_BYTES", usize, 256 * 1024, "262144",
        "Bytes that may wait for a connection that reads slowly, before it is closed";
    queue_frames, "PARLOUR_QUEUE_FRAMES", usize, 1024, "1024",
        "Writes that may wait for it";
    ping_interval, "PARLOUR_PING_INTERVAL", Span, Span::seconds(20), "20s",
        "A WebSocket Ping is sent when nothing was heard for so long";
    ping_timeout, "PARLOUR_PING_TIMEOUT", Span, Span::seconds(45), "45s",
        "A connection is closed when nothing was heard for so long";
    frame_timeout, "PARLOUR_FRAME_TIMEOUT", Span, Span::seconds(30), "30s",
        "How long a client may take for one WebSocket message";
    write_timeout, "PARLOUR_WRITE_TIMEOUT", Span, Span::seconds(10), "10s",
        "A connection is closed when it takes nothing for so long";
    login_timeout, "PARLOUR_LOGIN_TIMEOUT", Span, Span::seconds(10), "10s",
        "How long a client may take to log in";
    header_timeout, "PARLOUR_HEADER_TIMEOUT", Span, Span::seconds(10), "10s",
        "How long a client may take for the headers of an HTTP request";
    shutdown_timeout, "PARLOUR_SHUTDOWN_TIMEOUT", Span, Span::seconds(5), "5s",
        "How long a stopping server waits for its connections to end";
    heartbeat, "PARLOUR_HEARTBEAT", Span, Span::seconds(15), "15s",
        "How often the page should make sure that the connection is alive";
    session_grace, "PARLOUR_SESSION_GRACE", Span, Span::seconds(24 * 3600), "24h",
        "How long a lost session can have its name back";
    name_grace, "PARLOUR_NAME_GRACE", Span, Span::seconds(60), "1m",
        "How long nobody else gets the name of a lost session";
    logins_per_second, "PARLOUR_LOGINS_PER_SECOND", u32, 2_000, "2000",
        "How many are let in a second on the long run, others are told when to come; 0 for no limit";
    login_burst, "PARLOUR_LOGIN_BURST", u32, 4_000, "4000",
        "How many are let in at once";
    data_dir, "PARLOUR_DATA_DIR", PathBuf, "parlour-data".into(), "parlour-data",
        "The directory of the log, where messages are kept; made if it is missing";
    keep_age, "PARLOUR_KEEP_AGE", Age, Age::default(), "none",
        "Messages older than this are let go of, as 90d";
    keep_messages, "PARLOUR_KEEP_MESSAGES", u64, 0, "0",
        "Of each room so many of the newest messages are kept; 0 for all";
    keep_bytes, "PARLOUR_KEEP_BYTES", Bytes, Bytes(0), "0",
        "When the log is larger than this, as 500M or 20G, the oldest messages are let go of; 0 for no limit";
    log_format, "PARLOUR_LOG_FORMAT", LogFormat, LogFormat::Text, "text",
        "How to write the log: text or json";
    log_level, "PARLOUR_LOG_LEVEL", String, "info".into(), "info",
        "What to write: error, warn, info, debug, trace, or a filter as info,hyper=warn";
}

impl Config {
    /// Reads the arguments of the program, its environment, and the file they name.
    ///
    /// # Errors
    /// See [`ConfigError`]; [`ConfigError::Arguments`] also when help or the version was asked for.
    pub fn load<I>(arguments: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<std::ffi::OsString> + Clone,
    {
        Self::load_command(arguments).map(|(config, _)| config)
    }

    /// As [`Config::load`], and what to do besides serving, if anything.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_command<I>(arguments: I) -> Result<(Self, Option<Command>), ConfigError>
    where
        I: IntoIterator,
        I::Item: Into<std::ffi::OsString> + Clone,
    {
        let mut args = Args::try_parse_from(arguments)?;
        let command = args.command.take();
        let file = match &args.config {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::Read { path: path.clone(), error })?;
                toml::from_str(&text).map_err(|error| ConfigError::File { path: path.clone(), error })?
            }
        };
        let config = Self::merge(args, file);
        config.validate()?;
        Ok((config, command))
    }

    /// Reads settings as a file has them, and nothing else.
    ///
    /// # Errors
    /// [`ConfigError::Text`] or [`ConfigError::Value`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config = Self::merge(Args::default(), toml::from_str(text)?);
        config.validate()?;
        Ok(config)
    }

    /// Looks for values that make no sense alone or together.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with a sentence about the first one.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let at_least = |name: &str, value: usize, least: usize| match value >= least {
            true => Ok(()),
            false => Err(ConfigError::Value(format!("{name} must be at least {least}, and is {value}."))),
        };
        if self.listen.is_empty() {
            return Err(ConfigError::Value("listen must name at least one address.".into()));
        }
        if self.nick_chars > NICK_CHARS {
            return Err(ConfigError::Value(format!("nick_chars must be at most {NICK_CHARS}.")));
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
        at_least("nick_chars", self.nick_chars, 1)?;
        at_least("content_bytes", self.content_bytes, 1)?;
        // Name, id, and a little for fields to come.
        at_least("frame_bytes", self.frame_bytes, self.content_bytes.saturating_add(512))?;
        at_least("queue_bytes", self.queue_bytes, self.content_bytes.saturating_add(4096))?;
        at_least("queue_frames", self.queue_frames, 64)?;
        at_least("room_members", self.room_members, 1)
    }

    /// What the log lets go of.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            age: self.keep_age.duration(),
            messages: (self.keep_messages > 0).then_some(self.keep_messages),
            bytes: (self.keep_bytes.0 > 0).then_some(self.keep_bytes.0),
            ..Retention::default()
        }
    }

    /// The limits as both ends know them.
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

fn is_source(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ';' | ','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Result<Config, ConfigError> {
        Config::load(["parlour-server"].iter().chain(arguments))
    }

    #[test]
    fn the_defaults_are_the_table_s() {
        let config = load(&[]).unwrap();
        assert_eq!(config.listen, List(vec!["0.0.0.0:8080".parse().unwrap()]));
        assert_eq!(config.limits(), Limits::default());
        // What the table shows can be typed, and gives the default.
        for setting in settings() {
            if matches!(setting.key, "assets" | "page_config" | "allow_origin") {
                continue;
            }
            let flag = format!("--{}={}", setting.key.replace('_', "-"), setting.default);
            let typed = load(&[&flag]).unwrap_or_else(|e| panic!("{flag}: {e}"));
            assert_eq!(format!("{typed:?}"), format!("{config:?}"), "{flag}");
        }
    }

    #[test]
    fn a_flag_goes_before_the_file() {
        let path = std::env::temp_dir().join(format!("parlour-settings-{}.toml", std::process::id()));
        std::fs::write(
            &path,
            "listen = [\"127.0.0.1:1\", \"[::1]:1\"]\nburst = 7\nping_interval = \"5s\"\ntrust_proxy = true\nallow_origin = [\"*\"]\nassets = \"dist\"\n",
        )
        .unwrap();
        let file = path.to_str().unwrap();
        let config = load(&["--config", file, "--burst", "9"]).unwrap();
        assert_eq!((config.burst, config.listen.len(), config.trust_proxy), (9, 2, true));
        assert_eq!(config.ping_interval, Span::seconds(5));
        assert_eq!(config.assets.as_path(), Some(std::path::Path::new("dist")));
        std::fs::write(&path, "brust = 7\n").unwrap();
        assert!(matches!(load(&["--config", file]), Err(ConfigError::File { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(load(&["--config", file]), Err(ConfigError::Read { .. })));
        assert_eq!(Config::from_toml("burst = 7\n").unwrap().burst, 7);
        assert!(matches!(Config::from_toml("brust = 7\n"), Err(ConfigError::Text(_))));
        assert!(matches!(Config::from_toml("nick_chars = 0\n"), Err(ConfigError::Value(_))));
    }

    #[test]
    fn nonsense_is_refused() {
        for flags in [
            &["--nick-chars", "33"][..],
            &["--nick-chars", "0"],
            &["--ping-timeout", "10s"],
            &["--frame-bytes", "100"],
            &["--connect-src", "ws:; script-src *"],
            &["--queue-frames", "1"],
            &["--listen", "here"],
            &["--log-format", "xml"],
            &["--burst", "-1"],
            &["--keep-age", "0"],
            &["--keep-bytes", "much"],
            &["backup"],
            &["restore", "x"],
        ] {
            assert!(load(flags).is_err(), "{flags:?}");
        }
        assert!(load(&["--trust-proxy"]).unwrap().trust_proxy);
        assert!(!load(&["--trust-proxy=false"]).unwrap().trust_proxy);
        assert_eq!(load(&["--listen", "127.0.0.1:1,127.0.0.1:2"]).unwrap().listen.len(), 2);
    }

    #[test]
    fn what_is_kept() {
        assert_eq!(load(&[]).unwrap().retention(), Retention::default());
        let flags = ["--keep-age=30d", "--keep-messages=7", "--keep-bytes", "2G"];
        let retention = load(&flags).unwrap().retention();
        assert_eq!(retention.age, Some(std::time::Duration::from_secs(30 * 86_400)));
        assert_eq!((retention.messages, retention.bytes), (Some(7), Some(2 << 30)));
    }

    #[test]
    fn a_command_knows_the_settings() {
        let load =
            |arguments: &[&str]| Config::load_command(["parlour-server"].iter().chain(arguments)).unwrap();
        assert_eq!(load(&["--burst", "9"]).1, None);
        let backup = Some(Command::Backup { to: "there".into() });
        for arguments in [
            ["backup", "--data-dir", "here", "there"],
            ["--data-dir", "here", "backup", "there"],
            ["backup", "there", "--data-dir", "here"],
        ] {
            let (config, command) = load(&arguments);
            assert_eq!((config.data_dir, &command), ("here".into(), &backup), "{arguments:?}");
        }
    }
}
