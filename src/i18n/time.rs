//! Times and days in the user's time zone and notation, by the browser's `Intl.DateTimeFormat`; where that fails, as
//! digits.
//!
//! The time zone may change while the page is open. Formatters keep the one that they were made in, and everything that
//! is shown was formatted in it, so [`update_time_zone`] has to be called from time to time.

use std::cell::{Cell, RefCell};

use js_sys::{Date, Object, Reflect};
use wasm_bindgen::JsValue;

use super::{
    Key, Locale, Texts,
    guarded::{call, construct},
};

const DAY_MS: f64 = 86_400_000.0;

/// The style in which a time is shown. Each has a formatter of its own, which is slow to make and fast to use.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Style {
    /// Hours and minutes.
    Clock,
    /// Weekday, day and month.
    Day,
    /// Day, month and year.
    DayAndYear,
    /// The full date, and the time to the second.
    Full,
}

impl Style {
    fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Style::Clock => &[("hour", "numeric"), ("minute", "2-digit")],
            Style::Day => &[("weekday", "long"), ("day", "numeric"), ("month", "long")],
            Style::DayAndYear => &[("day", "numeric"), ("month", "long"), ("year", "numeric")],
            Style::Full => &[("dateStyle", "full"), ("timeStyle", "medium")],
        }
    }

    /// Times within the same interval of this many ms are formatted equally, in all of today's time zones.
    fn span_ms(self) -> Option<i64> {
        match self {
            Style::Clock => Some(60_000),
            Style::Full => Some(1_000),
            Style::Day | Style::DayAndYear => None,
        }
    }
}

/// A formatter and its last result: in a busy room one message after another has the same time.
struct Format {
    locale: Locale,
    style: Style,
    /// An `Intl.DateTimeFormat`; `None` if the browser refuses to make one.
    formatter: Option<JsValue>,
    last: Option<(i64, String)>,
}

thread_local! {
    static FORMATS: RefCell<Vec<Format>> = const { RefCell::new(Vec::new()) };
    /// The last quarter of an hour that [`day_number`] was called for, and its day.
    static LAST_DAY: Cell<(f64, i64)> = const { Cell::new((f64::NAN, 0)) };
    /// The time zone at the last call of [`update_time_zone`].
    static TIME_ZONE: Cell<TimeZone> = const { Cell::new([f64::NAN; 3]) };
}

/// Stands for a time zone: its offsets from UTC, in minutes, at the beginning and in the middle of the year and now. Zones that
/// agree in these show today's times equally.
type TimeZone = [f64; 3];

/// Notices that the time zone has changed since the last call. Then times have to be formatted again.
pub fn update_time_zone() -> bool {
    let now = Date::new_0();
    let year = now.get_full_year();
    let offset = |month| Date::new_with_year_month(year, month).get_timezone_offset();
    let zone = [offset(0), offset(6), now.get_timezone_offset()];
    let before = TIME_ZONE.replace(zone);
    let has_changed = before != zone && !before[0].is_nan();
    if has_changed {
        FORMATS.take();
        LAST_DAY.set((f64::NAN, 0));
    }
    has_changed
}

// Calls into JavaScript stay outside of the borrows: an exception would never release them.
fn format(locale: Locale, style: Style, time: i64) -> String {
    let span = style.span_ms().map(|span| time.div_euclid(span));
    let known = FORMATS.with_borrow(|formats| {
        let format = formats.iter().find(|made| (made.locale, made.style) == (locale, style))?;
        Some((format.formatter.clone(), format.last.clone().filter(|(last, _)| Some(*last) == span)))
    });
    let formatter = match known {
        Some((_, Some((_, text)))) => return text,
        Some((formatter, None)) => formatter,
        None => {
            let made = make_formatter(locale, style);
            let format = Format { locale, style, formatter: made.clone(), last: None };
            FORMATS.with_borrow_mut(|formats| formats.push(format));
            made
        }
    };
    let date = Date::new(&JsValue::from_f64(time as f64));
    let text = formatter.and_then(|formatter| call(&formatter, "format", &date)?.as_string());
    let text = text.unwrap_or_else(|| digits(&date, style));
    FORMATS.with_borrow_mut(|formats| {
        let made = formats.iter_mut().find(|made| (made.locale, made.style) == (locale, style));
        if let (Some(format), Some(span)) = (made, span) {
            format.last = Some((span, text.clone()));
        }
    });
    text
}

fn make_formatter(locale: Locale, style: Style) -> Option<JsValue> {
    let options = Object::new();
    for (key, value) in style.options() {
        // Setting a property of a plain new object can't fail.
        let _ = Reflect::set(&options, &(*key).into(), &(*value).into());
    }
    construct("DateTimeFormat", &locale.formatting_tags(), &options)
}

/// A local time in digits, such as `2026-11-24 09:30:05`, of which a style may have only a part.
fn digits(date: &Date, style: Style) -> String {
    if date.get_time().is_nan() {
        return String::new();
    }
    let day = || format!("{}-{:02}-{:02}", date.get_full_year(), date.get_month() + 1, date.get_date());
    let clock = || format!("{:02}:{:02}", date.get_hours(), date.get_minutes());
    match style {
        Style::Clock => clock(),
        Style::Day | Style::DayAndYear => day(),
        Style::Full => format!("{} {}:{:02}", day(), clock(), date.get_seconds()),
    }
}

/// Makes the formatters for the time of a message in advance. The first one takes a browser as long as several frames.
pub fn prepare(locale: Locale) {
    for style in [Style::Clock, Style::Full] {
        format(locale, style, 0);
    }
}

/// Hours and minutes.
#[must_use]
pub fn clock(locale: Locale, time: i64) -> String {
    format(locale, Style::Clock, time)
}

/// Date and time to the second, for a tooltip.
#[must_use]
pub fn full(locale: Locale, time: i64) -> String {
    format(locale, Style::Full, time)
}

/// Date and time for the `datetime` attribute.
#[must_use]
pub fn machine(time: i64) -> String {
    let date = Date::new(&JsValue::from_f64(time as f64));
    // For a time outside of the range of `Date`, `toISOString` throws.
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

/// The number of the local day of a time.
#[must_use]
pub fn day_number(time: f64) -> i64 {
    // Time zones differ by quarters of an hour, so no day begins within one.
    let quarter = (time / 900_000.0).floor();
    let (last, day) = LAST_DAY.get();
    if last == quarter {
        return day;
    }
    let zone = Date::new(&JsValue::from_f64(time)).get_timezone_offset() * 60_000.0;
    let day = ((time - zone) / DAY_MS).floor() as i64;
    LAST_DAY.set((quarter, day));
    day
}

/// The number of the current local day.
#[must_use]
pub fn today() -> i64 {
    day_number(Date::now())
}

/// The heading above the messages of a day; `today` is the number of the current local day.
#[must_use]
pub fn day(texts: &Texts, locale: Locale, time: i64, today: i64) -> String {
    match day_label(today - day_number(time as f64)) {
        DayLabel::Today => texts.text(Key::TimelineToday).to_owned(),
        DayLabel::Yesterday => texts.text(Key::TimelineYesterday).to_owned(),
        DayLabel::Near => format(locale, Style::Day, time),
        DayLabel::Far => format(locale, Style::DayAndYear, time),
    }
}

/// The beginning of a day, Unix ms, from the value of a date field such as `2026-11-24`. `None` if it is not a date, or one
/// that is still being typed: its year has less than four digits.
#[must_use]
pub fn midnight(date: &str) -> Option<i64> {
    let (year, month, day) = parts(date)?;
    Some(Date::new_with_year_month_day(year, month - 1, day).get_time() as i64)
}

pub(super) fn parts(date: &str) -> Option<(u32, i32, i32)> {
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year = year.parse().ok().filter(|year| *year >= 1000)?;
    Some((year, month.parse().ok()?, day.parse().ok()?))
}

/// The style in which a day is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayLabel {
    Today,
    Yesterday,
    /// Within half a year: shown without the year.
    Near,
    /// Shown with the year.
    Far,
}

/// The style for the day this many days ago. The number is negative if the local clock is behind the server's.
pub(super) fn day_label(ago: i64) -> DayLabel {
    match ago {
        0 => DayLabel::Today,
        1 => DayLabel::Yesterday,
        -1..=180 => DayLabel::Near,
        _ => DayLabel::Far,
    }
}
