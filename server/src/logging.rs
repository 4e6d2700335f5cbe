//! The log, on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, ConfigError, LogFormat};

/// Starts the log as configured; to be called once, by the program.
///
/// # Errors
/// [`ConfigError::Value`] when `log_level` is no filter.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|error| ConfigError::Value(format!("log_level \"{}\": {error}.", config.log_level)))?;
    let layer = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.log_format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // Whoever embeds the server may have a log of their own already.
    started.or(Ok(()))
}
