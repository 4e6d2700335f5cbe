//! Diagnostics: `tracing` to the browser's console, at the level set in config.json.

use tracing::Level;
use tracing_wasm::{ConsoleConfig, WASMLayerConfigBuilder};

/// The level of a name in config.json; `None`, as for `off` and any unknown name, if nothing is to be logged.
pub fn parse_level(name: &str) -> Option<Level> {
    match name {
        "error" => Some(Level::ERROR),
        "warn" => Some(Level::WARN),
        "info" => Some(Level::INFO),
        "debug" => Some(Level::DEBUG),
        "trace" => Some(Level::TRACE),
        _ => None,
    }
}

/// Starts logging; to be called once, by the part of the client that is only for this: the subscriber is 17 KB of brotli. Before,
/// the login page logs the problems of [`super::load`] with [`warn_early`].
pub fn start(level: Level) {
    let config = WASMLayerConfigBuilder::new()
        .set_max_level(level)
        // Timings would mark each event in the browser's performance timeline.
        .set_report_logs_in_timings(false)
        .set_console_config(ConsoleConfig::ReportWithoutConsoleColor)
        .build();
    tracing_wasm::set_as_global_default_with_config(config);
}

/// Writes a warning to the console directly, before [`start`].
pub fn warn_early(level: Option<Level>, problem: &str) {
    if level >= Some(Level::WARN) {
        web_sys::console::warn_1(&format!("WARN {problem}").into());
    }
}
