//! Says things at a rate, from a thread of its own, while the page is looked at from another.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, anyhow, ensure};

use super::peers::Feed;

/// Bytes of a message.
pub const SIZE: usize = 100;
/// How long after its end a feed may take to have its place.
const PATIENCE: Duration = Duration::from_secs(60);
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

    /// The last one is said once all others have their place. By its mark it is known that all is there: if others came after
    /// it, it could be off the screen of a page that draws the end of it all in one frame, and be in no frame at all.
    fn say(self, feed: &mut dyn Feed) -> Result<Said> {
        let begin = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
        let start = Instant::now();
        let mut said = Said { pace: self, begin, late: Duration::ZERO };
        let mut done = 0;
        while done < self.count {
            let elapsed = start.elapsed();
            ensure!(
                elapsed < self.lasts() + PATIENCE,
                "{} messages have no place in the room",
                self.first + done
            );
            let due = (elapsed.as_secs_f64() * self.rate as f64) as u64 + 1;
            while done < due.min(self.count) {
                if done + 1 == self.count && !feed.settled() {
                    break;
                }
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

    /// What is said has its place with the next turn.
    #[derive(Default)]
    struct Heard {
        all: Vec<String>,
        placed: usize,
        settled_before: Vec<bool>,
    }

    impl Feed for Heard {
        fn say(&mut self, text: &str) -> Result<()> {
            self.settled_before.push(self.settled());
            self.all.push(text.into());
            Ok(())
        }

        fn turn(&mut self, _: Duration) -> Result<()> {
            self.placed = self.all.len();
            Ok(())
        }

        fn settled(&self) -> bool {
            self.placed == self.all.len()
        }
    }

    #[test]
    fn all_is_said_in_order_and_not_before_its_time() {
        let mut heard = Heard::default();
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
        assert_eq!(heard.all.len(), 20);
        assert!(heard.all[0].starts_with("k5k ") && heard.all[19].starts_with("k24k "));
        assert!(heard.all.iter().all(|text| text.len() == SIZE));
        assert!((said.due(24) - said.begin - 19.0).abs() < 1e-3);
    }

    #[test]
    fn the_last_comes_after_all_others() {
        let mut heard = Heard::default();
        // All of them are due at once, and so are said in one go.
        let pace = Pace { first: 0, count: 20, rate: u64::from(u32::MAX) };
        pace.run(&mut heard, |_| Ok(())).unwrap();
        assert_eq!(heard.settled_before.last(), Some(&true));
    }
}
