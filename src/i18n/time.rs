//! Times and days in the user's time zone and notation, by the browser's `Intl.DateTimeFormat`.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Date, Function, Intl::DateTimeFormat, Object, Reflect};
use wasm_bindgen::JsValue;

use super::{Key, Locale, Texts};

const DAY_MS: f64 = 86_400_000.0;

/// How a time is shown. Each style has a formatter of its own, which is slow to make and fast to use.
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
    write: Function,
    last: Option<(i64, String)>,
}

thread_local! {
    static FORMATS: RefCell<Vec<Format>> = const { RefCell::new(Vec::new()) };
    /// The last quarter of an hour that [`day_number`] was called for, and its day.
    static LAST_DAY: Cell<(f64, i64)> = const { Cell::new((f64::NAN, 0)) };
}

// Calls into JavaScript stay outside of the borrows: an exception would never release them.
fn format(locale: Locale, style: Style, time: i64) -> String {
    let span = style.span_ms().map(|span| time.div_euclid(span));
    let known = FORMATS.with_borrow(|formats| {
        let format = formats.iter().find(|made| (made.locale, made.style) == (locale, style))?;
        Some((format.write.clone(), format.last.clone().filter(|(last, _)| Some(*last) == span)))
    });
    let write = match known {
        Some((_, Some((_, text)))) => return text,
        Some((write, None)) => write,
        None => {
            let write = formatter(locale, style);
            let format = Format { locale, style, write: write.clone(), last: None };
            FORMATS.with_borrow_mut(|formats| formats.push(format));
            write
        }
    };
    let date: JsValue = Date::new(&JsValue::from_f64(time as f64)).into();
    let text = write.call1(&JsValue::UNDEFINED, &date).ok();
    let text = text.and_then(|text| text.as_string()).unwrap_or_default();
    FORMATS.with_borrow_mut(|formats| {
        let made = formats.iter_mut().find(|made| (made.locale, made.style) == (locale, style));
        if let (Some(format), Some(span)) = (made, span) {
            format.last = Some((span, text.clone()));
        }
    });
    text
}

fn formatter(locale: Locale, style: Style) -> Function {
    let options = Object::new();
    for (key, value) in style.options() {
        // Setting a property of a plain new object can't fail.
        let _ = Reflect::set(&options, &(*key).into(), &(*value).into());
    }
    DateTimeFormat::new(&Array::of1(&locale.formatting_tag().into()), &options).format()
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

/// For the `datetime` attribute.
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

/// How a day is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayLabel {
    Today,
    Yesterday,
    /// Within half a year: shown without the year.
    Near,
    /// Shown with the year.
    Far,
}

/// How the day this many days ago is shown. The number is negative if the local clock is behind the server's.
pub(super) fn day_label(ago: i64) -> DayLabel {
    match ago {
        0 => DayLabel::Today,
        1 => DayLabel::Yesterday,
        -1..=180 => DayLabel::Near,
        _ => DayLabel::Far,
    }
}
