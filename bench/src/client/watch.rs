//! What a page's frames have shown, and when.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Deserialize;

use super::{
    browser::Browser,
    pace::{Pace, Said},
    peers::Site,
};

/// What `bench.stop()` gives; times in ms after `origin`, which is Unix ms.
#[derive(Debug, Deserialize)]
pub struct Watched {
    origin: f64,
    /// When it began, when it was drawn, and the highest mark there was by then.
    frames: Vec<(f64, f64, i64)>,
    /// From a key to the frame that has its letter.
    pub keys: Vec<f64>,
    /// When Enter was pressed.
    enters: Vec<f64>,
}

/// How a page has taken a flood; all in ms.
#[derive(Debug, Default)]
pub struct Taken {
    /// Between the beginnings of two frames, from the first message to the last one's frame. Sorted.
    pub gaps: Vec<f64>,
    /// From when a message was due to when it, or a later one, was drawn; infinite where it never was. Sorted.
    pub delays: Vec<f64>,
    /// From when the last was due to when it was drawn.
    pub drained: f64,
}

impl Taken {
    /// The bar: few frames and few messages are late, and nothing is left over.
    pub fn responsive(&self) -> bool {
        percentile(&self.gaps, 95) <= 50.0 && percentile(&self.delays, 95) <= 1e3 && self.drained <= 1e3
    }
}

impl Watched {
    pub fn taken(&self, said: &Said) -> Taken {
        let mut taken = Taken::default();
        let mut frames = self.frames.iter().peekable();
        for mark in said.pace.first..=said.pace.last() {
            while frames.next_if(|(.., newest)| *newest < mark as i64).is_some() {}
            let drawn = frames.peek().map_or(f64::INFINITY, |(_, drawn, _)| self.origin + drawn);
            taken.drained = drawn - said.due(mark);
            taken.delays.push(taken.drained);
        }
        let end = said.due(said.pace.last()) + taken.drained.min(1e3);
        let within = self.frames.iter().map(|(at, ..)| self.origin + at);
        let within: Vec<_> = within.filter(|at| (said.begin..=end).contains(at)).collect();
        taken.gaps = within.windows(2).map(|two| two[1] - two[0]).collect();
        // A page that draws nothing has no gaps between its frames: all of it is one.
        let (first, last) = (within.first().copied().unwrap_or(end), within.last().copied().unwrap_or(end));
        taken.gaps.extend([first - said.begin, end - last]);
        taken.gaps.sort_by(f64::total_cmp);
        taken.delays.sort_by(f64::total_cmp);
        taken
    }

    /// From each Enter to the frame that shows what it sent, whose marks count from 0; sorted.
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

/// Floods the room the page is in, and watches. Waits for the last message as long as `patience`; `meanwhile` is called
/// over and over while things are said.
pub fn flood(
    browser: &mut Browser,
    site: &mut Site,
    pace: Pace,
    patience: Duration,
    mut meanwhile: impl FnMut(&mut Browser) -> Result<()>,
) -> Result<(Taken, Watched)> {
    browser.eval::<bool>("(bench.watch(), true)")?;
    let (said, watched) = pace.run(&mut *site.feed, |said_all: &AtomicBool| {
        while !said_all.load(Ordering::Relaxed) {
            meanwhile(browser)?;
        }
        let end = Instant::now() + patience;
        while browser.eval::<i64>("bench.newest()")? < pace.last() as i64 && Instant::now() < end {
            // Nobody tells when it is there, and who asks takes the page's time.
            sleep(Duration::from_millis(100));
        }
        // Its frame is over when the next but one is.
        let next =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        browser.eval::<bool>(next)?;
        browser.eval::<Watched>("bench.stop()")
    })?;
    Ok((watched.taken(&said), watched))
}

/// What so many in a hundred of sorted values do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(frames: &[(f64, i64)]) -> Watched {
        let frames = frames.iter().map(|(at, newest)| (*at, at + 1.0, *newest)).collect();
        Watched { origin: 1000.0, frames, keys: vec![], enters: vec![0.0, 12.0] }
    }

    #[test]
    fn delays_gaps_and_what_never_came() {
        let pace = Pace { first: 0, count: 4, rate: 100 };
        let said = Said { pace, begin: 1000.0, late: Duration::ZERO };
        let taken = watched(&[(0.0, -1), (16.0, 1), (40.0, 3)]).taken(&said);
        // Due at 0, 10, 20 and 30; drawn at 17, 17, 41 and 41.
        assert_eq!(taken.delays, [7.0, 11.0, 17.0, 21.0]);
        assert_eq!((taken.drained, taken.gaps.last()), (11.0, Some(&24.0)));
        assert!(taken.responsive());
        let taken = watched(&[(0.0, -1), (16.0, 2)]).taken(&said);
        assert_eq!((taken.delays[3], taken.drained), (f64::INFINITY, f64::INFINITY));
        assert!(!taken.responsive());
    }

    #[test]
    fn from_enter_to_shown() {
        assert_eq!(watched(&[(0.0, -1), (16.0, 0), (32.0, 1)]).sent(), [17.0, 21.0]);
    }
}
