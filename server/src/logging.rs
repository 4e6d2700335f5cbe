//! Diagnostics on standard error, with `tracing`.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, ConfigError, LogFormat};

/// Installs the subscriber as configured. Called once, by the program.
///
/// # Errors
/// [`ConfigError::Value`] if `log_level` is not a valid filter.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|error| ConfigError::Value(format!("log_level \"{}\": {error}.", config.log_level)))?;
    let layer = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.log_format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // A program that embeds the server may have installed its own subscriber.
    started.or(Ok(()))
}
