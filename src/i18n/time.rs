//! Times and days, in the reader's time zone and manner, by the browser's own tables.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Date, Function, Intl::DateTimeFormat, Object, Reflect};
use wasm_bindgen::JsValue;

use super::{Locale, Texts, Word};

const DAY_MS: f64 = 86_400_000.0;

/// What a time is shown as; each has a formatter of its own, which is slow to make and fast to use.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Style {
    /// Hours and minutes.
    Clock,
    /// Weekday, day and month.
    Day,
    /// With the year.
    DayAndYear,
    /// All of it.
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

    /// Times that share a multiple of so many ms are written the same, in all time zones there are today.
    fn span(self) -> Option<i64> {
        match self {
            Style::Clock => Some(60_000),
            Style::Full => Some(1_000),
            Style::Day | Style::DayAndYear => None,
        }
    }
}

/// A formatter, and what it wrote last: in a busy room one message after another has the same time.
struct Format {
    locale: Locale,
    style: Style,
    write: Function,
    last: Option<(i64, String)>,
}

thread_local! {
    static FORMATS: RefCell<Vec<Format>> = const { RefCell::new(Vec::new()) };
    /// The quarter of an hour that was asked for last, and its day.
    static LAST_DAY: Cell<(f64, i64)> = const { Cell::new((f64::NAN, 0)) };
}

/// The browser's own variety of a language, such as British English, for the manner of writing times.
fn tag(locale: Locale) -> String {
    let languages = web_sys::window().map(|window| window.navigator().languages()).unwrap_or_default();
    languages
        .iter()
        .filter_map(|tag| tag.as_string())
        .find(|tag| Locale::from_tag(tag) == Some(locale))
        .unwrap_or_else(|| locale.tag().to_owned())
}

fn format(locale: Locale, style: Style, time: i64) -> String {
    FORMATS.with_borrow_mut(|formats| {
        let known = formats.iter().position(|made| (made.locale, made.style) == (locale, style));
        let at = known.unwrap_or_else(|| {
            formats.push(Format { locale, style, write: writer(locale, style), last: None });
            formats.len() - 1
        });
        let format = &mut formats[at];
        let span = style.span().map(|span| time.div_euclid(span));
        if let Some((last, text)) = &format.last
            && Some(*last) == span
        {
            return text.clone();
        }
        let date: JsValue = Date::new(&JsValue::from_f64(time as f64)).into();
        let text = format.write.call1(&JsValue::UNDEFINED, &date).ok();
        let text = text.and_then(|text| text.as_string()).unwrap_or_default();
        format.last = span.map(|span| (span, text.clone()));
        text
    })
}

fn writer(locale: Locale, style: Style) -> Function {
    let options = Object::new();
    for (key, value) in style.options() {
        // Setting a property of a plain new object can't fail.
        let _ = Reflect::set(&options, &(*key).into(), &(*value).into());
    }
    DateTimeFormat::new(&Array::of1(&tag(locale).into()), &options).format()
}

/// Makes what writes the time of a message. The first of all takes a browser as long as several frames, in which it loads
/// its tables.
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
    // A time outside of what a date can hold has no such form, and asking for it throws.
    if date.get_time().is_nan() { String::new() } else { date.to_iso_string().into() }
}

/// The number of the local day of a time.
#[must_use]
pub fn day_number(time: f64) -> i64 {
    // Wherever the clocks are, they are quarters of an hour apart: no day begins within one.
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

/// Today's number.
#[must_use]
pub fn today() -> i64 {
    day_number(Date::now())
}

/// The day of a time as a line of its own, `today` being the number of the reader's day.
#[must_use]
pub fn day(texts: &Texts, locale: Locale, time: i64, today: i64) -> String {
    match day_word(today - day_number(time as f64)) {
        DayWord::Today => texts.word(Word::Today).to_owned(),
        DayWord::Yesterday => texts.word(Word::Yesterday).to_owned(),
        DayWord::Near => format(locale, Style::Day, time),
        DayWord::Far => format(locale, Style::DayAndYear, time),
    }
}

/// The beginning of a day as a date field gives it, `2026-11-24`: Unix ms. `None` for what is no day, and for what is
/// typed on the way to one: a year of less than four digits.
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

/// How a day is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayWord {
    Today,
    Yesterday,
    /// Within half a year: needs no year.
    Near,
    /// Needs one.
    Far,
}

/// How the day so many days ago is called. A clock that is behind the server's makes some days lie ahead.
pub(super) fn day_word(ago: i64) -> DayWord {
    match ago {
        0 => DayWord::Today,
        1 => DayWord::Yesterday,
        -1..=180 => DayWord::Near,
        _ => DayWord::Far,
    }
}
