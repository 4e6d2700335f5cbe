//! Says things at a rate, from a thread of its own, while the page is looked at from another.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, anyhow};

use super::peers::Feed;

/// Bytes of a message.
pub const SIZE: usize = 100;
/// A feed that is later than this was the limit, and not the page.
pub const LATE: Duration = Duration::from_millis(100);

/// So many messages, so many a second, with marks from `first` on.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub first: u64,
    pub count: u64,
    pub rate: u64,
}

/// What was said: a message is due when its turn has come, whether the server took it then or not. What the server's
/// side makes it wait is a part of its delay.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    pub pace: Pace,
    /// Unix ms.
    pub begin: f64,
    /// How much later than due a message was said at most.
    pub late: Duration,
}

impl Pace {
    pub fn last(&self) -> u64 {
        self.first + self.count - 1
    }

    pub fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.count as f64 / self.rate as f64)
    }

    /// Says all of it and goes on to answer pings, until `meanwhile` is over. That is told when all is said.
    pub fn run<T>(
        self,
        feed: &mut dyn Feed,
        meanwhile: impl FnOnce(&AtomicBool) -> Result<T>,
    ) -> Result<(Said, T)> {
        let (said_all, over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let feeder = scope.spawn(|| -> Result<Said> {
                let said = self.say(feed);
                said_all.store(true, Ordering::Relaxed);
                let said = said?;
                while !over.load(Ordering::Relaxed) {
                    feed.turn(Duration::from_millis(1))?;
                }
                Ok(said)
            });
            let seen = meanwhile(&said_all);
            over.store(true, Ordering::Relaxed);
            let said = feeder.join().map_err(|_| anyhow!("the feed failed"))??;
            if said.late > LATE {
                eprintln!(
                    "  at {} a second the feed was up to {:?} late: it or the server was at its limit",
                    self.rate, said.late
                );
            }
            Ok((said, seen?))
        })
    }

    fn say(self, feed: &mut dyn Feed) -> Result<Said> {
        let begin = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
        let start = Instant::now();
        let mut said = Said { pace: self, begin, late: Duration::ZERO };
        let mut done = 0;
        while done < self.count {
            let elapsed = start.elapsed();
            let due = (elapsed.as_secs_f64() * self.rate as f64) as u64 + 1;
            while done < due.min(self.count) {
                feed.say(&text(self.first + done, SIZE))?;
                done += 1;
            }
            feed.turn(Duration::from_millis(1))?;
            let behind = start.elapsed().saturating_sub(elapsed);
            said.late = said.late.max(behind);
        }
        Ok(said)
    }
}

impl Said {
    /// When a message was due, Unix ms.
    pub fn due(&self, mark: u64) -> f64 {
        self.begin + (mark - self.pace.first) as f64 * 1e3 / self.pace.rate as f64
    }
}

/// A message by whose mark the page is read; words, as people use them.
pub fn text(mark: u64, size: usize) -> String {
    const WORDS: [&str; 8] = ["a", "room", "where", "everybody", "talks", "at", "once", "about it"];
    let mut text = format!("k{mark}k");
    let mut word = mark as usize;
    while text.len() < size {
        text.push(' ');
        text.push_str(WORDS[word % WORDS.len()]);
        word += 1;
    }
    text.truncate(size.max(format!("k{mark}k").len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Heard(Vec<String>);

    impl Feed for Heard {
        fn say(&mut self, text: &str) -> Result<()> {
            self.0.push(text.into());
            Ok(())
        }

        fn turn(&mut self, _: Duration) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_is_said_in_order_and_not_before_its_time() {
        let mut heard = Heard(Vec::new());
        let pace = Pace { first: 5, count: 20, rate: 1000 };
        let begun = Instant::now();
        let (said, all) = pace
            .run(&mut heard, |all| {
                while !all.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                Ok(begun.elapsed())
            })
            .unwrap();
        assert!(all >= Duration::from_millis(19), "{all:?}");
        assert_eq!(heard.0.len(), 20);
        assert!(heard.0[0].starts_with("k5k ") && heard.0[19].starts_with("k24k "));
        assert!(heard.0.iter().all(|text| text.len() == SIZE));
        assert!((said.due(24) - said.begin - 19.0).abs() < 1e-3);
    }
}
