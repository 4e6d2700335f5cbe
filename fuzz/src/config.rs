//! Target `config`: a settings file and command-line flags.

use parlour_server::config::{Config, ConfigError};

/// Parses the text as a settings file, and then each of its lines as a flag.
///
/// # Panics
/// If an accepted configuration is inconsistent, or an error has no message.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check(Config::from_toml(text));
    // `--config` would make the parser read that file.
    let flags = text.lines().filter(|line| !line.starts_with("--config"));
    check(Config::load(std::iter::once("parlour-server").chain(flags)));
}

fn check(result: Result<Config, ConfigError>) {
    match result {
        Ok(config) => assert_consistent(&config),
        Err(error) => assert!(!error.to_string().trim().is_empty(), "{error:?} has no message"),
    }
}

fn assert_consistent(config: &Config) {
    assert!(config.validate().is_ok(), "accepted configuration is not valid");
    assert!(!config.listen.is_empty(), "no address to listen on");
    assert!(config.frame_bytes > config.content_bytes, "a message of the maximum size must fit into a frame");
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
