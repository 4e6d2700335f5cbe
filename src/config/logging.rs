//! The console, at the level that config.json names: by tracing-wasm while developing, by [`super::console`] in a
//! release.

use tracing::Level;

/// Starts logging. Once, at the start; `off` and anything unknown but the levels log nothing.
pub fn start(level: &str) {
    let level = match level {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "info" => Level::INFO,
        "debug" => Level::DEBUG,
        "trace" => Level::TRACE,
        _ => return,
    };
    #[cfg(not(debug_assertions))]
    super::console::Console::start(level);
    #[cfg(debug_assertions)]
    {
        use tracing_wasm::{ConsoleConfig, WASMLayerConfigBuilder};
        let config = WASMLayerConfigBuilder::new()
            .set_max_level(level)
            .set_report_logs_in_timings(false)
            .set_console_config(ConsoleConfig::ReportWithoutConsoleColor)
            .build();
        tracing_wasm::set_as_global_default_with_config(config);
    }
}
