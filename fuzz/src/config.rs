//! A settings file, and flags.

use parlour_server::config::{Config, ConfigError};

/// Reads the text as a settings file, and then each of its lines as a flag.
///
/// # Panics
/// When what is accepted makes no sense, or a refusal is without words.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    look(Config::from_toml(text));
    // A flag that names a file would read it.
    let flags = text.lines().filter(|line| !line.starts_with("--config"));
    look(Config::load(std::iter::once("parlour-server").chain(flags)));
}

fn look(result: Result<Config, ConfigError>) {
    match result {
        Ok(config) => makes_sense(&config),
        Err(error) => assert!(!error.to_string().trim().is_empty(), "{error:?} has no words"),
    }
}

fn makes_sense(config: &Config) {
    assert!(config.validate().is_ok(), "accepted, and not valid");
    assert!(!config.listen.is_empty(), "nothing to listen on");
    assert!(config.frame_bytes > config.content_bytes, "no message of the largest size fits into a frame");
    let spans = [
        config.ping_interval,
        config.ping_timeout,
        config.frame_timeout,
        config.write_timeout,
        config.login_timeout,
        config.header_timeout,
        config.shutdown_timeout,
        config.heartbeat,
        config.session_grace,
    ];
    for span in spans {
        let ms = span.as_millis();
        assert!((1..=366 * 86_400_000).contains(&ms), "{ms} ms");
    }
    let limits = config.limits();
    assert!(limits.nick_chars > 0 && limits.content_bytes > 0 && limits.room_members > 0, "{limits:?}");
}
