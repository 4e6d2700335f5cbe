//! Diagnostics: `tracing` to the browser's console, at the level set in config.json.

use tracing::Level;
use tracing_wasm::{ConsoleConfig, WASMLayerConfigBuilder};

/// Starts logging; call it once. With `off` or an unknown level nothing is logged.
pub fn start(level: &str) {
    let level = match level {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "info" => Level::INFO,
        "debug" => Level::DEBUG,
        "trace" => Level::TRACE,
        _ => return,
    };
    let config = WASMLayerConfigBuilder::new()
        .set_max_level(level)
        // Timings would mark each event in the browser's performance timeline.
        .set_report_logs_in_timings(false)
        .set_console_config(ConsoleConfig::ReportWithoutConsoleColor)
        .build();
    tracing_wasm::set_as_global_default_with_config(config);
}
