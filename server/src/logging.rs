//! Diagnostics on standard error, with `tracing`.

mod line_queue;

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use self::line_queue::LineQueue;
use crate::config::{Config, ConfigError, LogFormat};

/// The diagnostics of the program. Dropping it waits until they are written, for up to a second.
#[derive(Debug)]
pub struct Log(LineQueue);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Installs the subscriber as configured. Called once, by the program.
///
/// # Errors
/// [`ConfigError::Value`] if `log_level` is not a valid filter, or if the system cannot start a thread.
pub fn start(config: &Config) -> Result<Log, ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|error| ConfigError::Value(format!("log_level \"{}\": {error}.", config.log_level)))?;
    let lines = LineQueue::start(stderr(), |lines| {
        tracing::warn!(lines, "lines of this log were lost, because they were not read in time");
    });
    let lines = lines.map_err(|error| ConfigError::Value(format!("The log can't be written: {error}.")))?;
    let layer = fmt::layer().with_writer(lines.clone()).with_ansi(stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.log_format {
        LogFormat::Text => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    // A program that embeds the server may have installed its own subscriber.
    let _ = started;
    Ok(Log(lines))
}
