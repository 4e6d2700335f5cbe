//! The log of a release build: events to the browser's console, and nothing else. Spans, timings and a registry
//! of both are what `tracing-wasm` has for development; in a release they would be a sixth of the download.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use wasm_bindgen::JsValue;

/// Writes events up to a level.
pub struct Console {
    level: LevelFilter,
}

impl Console {
    /// Makes it the log of the page.
    pub fn start(level: Level) {
        let console = Self { level: LevelFilter::from_level(level) };
        // The only call there is; a second one would keep the first.
        let _ = tracing::subscriber::set_global_default(console);
    }
}

impl Subscriber for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}:", metadata.level().as_str(), metadata.target()));
        event.record(&mut line);
        let line = JsValue::from_str(&line.0);
        match *metadata.level() {
            Level::ERROR => web_sys::console::error_1(&line),
            Level::WARN => web_sys::console::warn_1(&line),
            Level::INFO => web_sys::console::info_1(&line),
            _ => web_sys::console::debug_1(&line),
        }
    }
}

/// The message and the fields of an event, behind one another.
struct Line(String);

impl Line {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = match field.name() {
            "message" => write!(self.0, " {value}"),
            name => write!(self.0, " {name}={value}"),
        };
    }
}

// All of them by hand: the defaults format floats and 128-bit numbers, 15 KB of code that nothing else needs.
impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_str(field, if value { "true" } else { "false" });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        #[allow(clippy::cast_possible_truncation)]
        self.record_i64(field, value as i64);
    }

    fn record_u128(&mut self, field: &Field, _: u128) {
        self.record_str(field, "(128 bits)");
    }

    fn record_i128(&mut self, field: &Field, _: i128) {
        self.record_str(field, "(128 bits)");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
    }
}
