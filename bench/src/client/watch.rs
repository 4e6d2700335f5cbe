//! Evaluates recordings of a page's frames.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Deserialize;

use super::{
    browser::Browser,
    peers::Site,
    schedule::{Schedule, SendLog},
};
use crate::statistics::percentile;

/// The result of `bench.stop()`. Times are in ms after `origin`, which is in Unix ms.
#[derive(Debug, Deserialize)]
pub struct Recording {
    origin: f64,
    /// The time at which each frame began, the time at which it was drawn, and the highest mark in the document by
    /// then.
    frames: Vec<(f64, f64, i64)>,
    /// Times from pressing a key to drawing its letter.
    pub keys: Vec<f64>,
    /// The times at which Enter was pressed.
    enters: Vec<f64>,
}

/// The result of a page that was flooded with messages. All values are in ms.
#[derive(Debug, Default)]
pub struct FloodResult {
    /// Times between the starts of consecutive frames, until the frame of the last message. Sorted.
    pub gaps: Vec<f64>,
    /// Times from the due time of each message to the frame that shows it or a later one; infinite if there is none.
    /// Sorted.
    pub delays: Vec<f64>,
    /// The delay of the last message.
    pub drained: f64,
}

impl FloodResult {
    /// The criterion: 95 % of frames within 50 ms, 95 % of messages within 1 s, and the last message within 1 s.
    pub fn responsive(&self) -> bool {
        percentile(&self.gaps, 95) <= 50.0 && percentile(&self.delays, 95) <= 1e3 && self.drained <= 1e3
    }
}

impl Recording {
    pub fn flood_result(&self, log: &SendLog) -> FloodResult {
        let mut flood_result = FloodResult::default();
        let mut frames = self.frames.iter().peekable();
        for mark in log.schedule.first..=log.schedule.last() {
            while frames.next_if(|(.., newest)| *newest < mark as i64).is_some() {}
            let drawn = frames.peek().map_or(f64::INFINITY, |(_, drawn, _)| self.origin + drawn);
            flood_result.drained = drawn - log.due(mark);
            flood_result.delays.push(flood_result.drained);
        }
        let end = log.due(log.schedule.last()) + flood_result.drained.min(1e3);
        let frame_times = self.frames.iter().map(|(at, ..)| self.origin + at);
        let frame_times: Vec<_> =
            frame_times.filter(|at| (log.first_due_unix_ms..=end).contains(at)).collect();
        flood_result.gaps = frame_times.windows(2).map(|two| two[1] - two[0]).collect();
        // The time before the first and after the last frame counts too, for pages that draw nothing.
        let (first, last) =
            (frame_times.first().copied().unwrap_or(end), frame_times.last().copied().unwrap_or(end));
        flood_result.gaps.extend([first - log.first_due_unix_ms, end - last]);
        flood_result.gaps.sort_by(f64::total_cmp);
        flood_result.delays.sort_by(f64::total_cmp);
        flood_result
    }

    /// Times from each Enter to the frame that shows its message, whose marks count from 0. Sorted.
    pub fn sent(&self) -> Vec<f64> {
        let shown = |mark: usize| self.frames.iter().find(|(.., newest)| *newest >= mark as i64);
        let waits = self.enters.iter().enumerate();
        let mut waits: Vec<_> = waits
            .map(|(mark, enter)| shown(mark).map_or(f64::INFINITY, |(_, drawn, _)| drawn - enter))
            .collect();
        waits.sort_by(f64::total_cmp);
        waits
    }
}

/// Sends a flood to the room and records the page. Waits at most `deadline` for the last message. `meanwhile` is called
/// repeatedly while messages are sent.
pub fn flood(
    browser: &mut Browser,
    site: &mut Site,
    schedule: Schedule,
    deadline: Duration,
    mut meanwhile: impl FnMut(&mut Browser) -> Result<()>,
) -> Result<(FloodResult, Recording)> {
    browser.eval::<bool>("(bench.watch(), true)")?;
    let (log, recording) = schedule.run(&mut *site.feed, |all_sent: &AtomicBool| {
        while !all_sent.load(Ordering::Relaxed) {
            meanwhile(browser)?;
        }
        let end = Instant::now() + deadline;
        while browser.eval::<i64>("bench.newest()")? < schedule.last() as i64 && Instant::now() < end {
            // There is no event for this, and polling takes the page's time.
            sleep(Duration::from_millis(100));
        }
        // The last frame is complete after the next one.
        let next =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        browser.eval::<bool>(next)?;
        browser.eval::<Recording>("bench.stop()")
    })?;
    Ok((recording.flood_result(&log), recording))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(frames: &[(f64, i64)]) -> Recording {
        let frames = frames.iter().map(|(at, newest)| (*at, at + 1.0, *newest)).collect();
        Recording { origin: 1000.0, frames, keys: vec![], enters: vec![0.0, 12.0] }
    }

    #[test]
    fn delays_and_frame_gaps_are_computed_and_missing_messages_are_infinite() {
        let schedule = Schedule { first: 0, count: 4, rate: 100 };
        let log = SendLog { schedule, first_due_unix_ms: 1000.0, max_lateness: Duration::ZERO };
        let flood_result = recording(&[(0.0, -1), (16.0, 1), (40.0, 3)]).flood_result(&log);
        // Due at 0, 10, 20 and 30; drawn at 17, 17, 41 and 41.
        assert_eq!(flood_result.delays, [7.0, 11.0, 17.0, 21.0]);
        assert_eq!((flood_result.drained, flood_result.gaps.last()), (11.0, Some(&24.0)));
        assert!(flood_result.responsive());
        let flood_result = recording(&[(0.0, -1), (16.0, 2)]).flood_result(&log);
        assert_eq!((flood_result.delays[3], flood_result.drained), (f64::INFINITY, f64::INFINITY));
        assert!(!flood_result.responsive());
    }

    #[test]
    fn send_times_run_from_enter_to_drawn() {
        assert_eq!(recording(&[(0.0, -1), (16.0, 0), (32.0, 1)]).sent(), [17.0, 21.0]);
    }
}
