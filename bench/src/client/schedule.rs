//! Sends messages at a fixed rate on a separate thread while the page is measured.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, anyhow, ensure};

use super::peers::Feed;

/// Size of a message in bytes.
pub const MESSAGE_BYTES: usize = 100;
/// The time that the server has after the last message to acknowledge all of them.
const DEADLINE: Duration = Duration::from_secs(60);
/// The delay after its due time from which a message counts as late: then the feed was the bottleneck, not the page.
pub const LATE_AFTER: Duration = Duration::from_millis(100);

/// `count` messages with marks from `first` on, at `rate` messages per second.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub first: u64,
    pub count: u64,
    pub rate: u64,
}

/// The result of sending. A message is due at its scheduled time. If it is sent later, the difference is part of its
/// delay.
#[derive(Debug, Clone, Copy)]
pub struct SendLog {
    pub schedule: Schedule,
    /// Time of the first message in Unix ms.
    pub first_due_unix_ms: f64,
    /// The largest delay between due time and sending.
    pub max_lateness: Duration,
}

impl Schedule {
    pub fn last(&self) -> u64 {
        self.first + self.count - 1
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.count as f64 / self.rate as f64)
    }

    /// Sends all messages while `meanwhile` runs, and answers pings until it returns. Its argument becomes `true` when
    /// all are sent.
    pub fn run<T>(
        self,
        feed: &mut dyn Feed,
        meanwhile: impl FnOnce(&AtomicBool) -> Result<T>,
    ) -> Result<(SendLog, T)> {
        let (all_sent, finished) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let feeder = scope.spawn(|| -> Result<SendLog> {
                let log = self.send(feed);
                all_sent.store(true, Ordering::Relaxed);
                let log = log?;
                while !finished.load(Ordering::Relaxed) {
                    feed.poll(Duration::from_millis(1))?;
                }
                Ok(log)
            });
            let seen = meanwhile(&all_sent);
            finished.store(true, Ordering::Relaxed);
            let log = feeder.join().map_err(|_| anyhow!("the feed's thread panicked"))??;
            if log.max_lateness > LATE_AFTER {
                eprintln!(
                    "  at {} a second the feed was up to {:?} late: it or the server was the bottleneck",
                    self.rate, log.max_lateness
                );
            }
            Ok((log, seen?))
        })
    }

    /// Sends the last message only after all others are acknowledged, because its mark shows that all have arrived. If others
    /// were ordered after it, a page could scroll past it within one frame and never draw it.
    fn send(self, feed: &mut dyn Feed) -> Result<SendLog> {
        let first_due_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3;
        let start = Instant::now();
        let mut log = SendLog { schedule: self, first_due_unix_ms, max_lateness: Duration::ZERO };
        let mut done = 0;
        while done < self.count {
            let elapsed = start.elapsed();
            ensure!(
                elapsed < self.duration() + DEADLINE,
                "{} messages are not acknowledged",
                self.first + done
            );
            let due = (elapsed.as_secs_f64() * self.rate as f64) as u64 + 1;
            while done < due.min(self.count) {
                if done + 1 == self.count && !feed.settled() {
                    break;
                }
                feed.send(&text(self.first + done, MESSAGE_BYTES))?;
                done += 1;
            }
            feed.poll(Duration::from_millis(1))?;
            let behind = start.elapsed().saturating_sub(elapsed);
            log.max_lateness = log.max_lateness.max(behind);
        }
        Ok(log)
    }
}

impl SendLog {
    /// The due time of a message in Unix ms.
    pub fn due(&self, mark: u64) -> f64 {
        self.first_due_unix_ms + (mark - self.schedule.first) as f64 * 1e3 / self.schedule.rate as f64
    }
}

/// A message with a mark, by which it is recognised on the page, and ordinary words.
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

    /// A feed whose messages are acknowledged with the next poll.
    #[derive(Default)]
    struct RecordingFeed {
        all: Vec<String>,
        acknowledged: usize,
        settled_before: Vec<bool>,
    }

    impl Feed for RecordingFeed {
        fn send(&mut self, text: &str) -> Result<()> {
            self.settled_before.push(self.settled());
            self.all.push(text.into());
            Ok(())
        }

        fn poll(&mut self, _: Duration) -> Result<()> {
            self.acknowledged = self.all.len();
            Ok(())
        }

        fn settled(&self) -> bool {
            self.acknowledged == self.all.len()
        }
    }

    #[test]
    fn messages_are_sent_in_order_and_not_early() {
        let mut feed = RecordingFeed::default();
        let schedule = Schedule { first: 5, count: 20, rate: 1000 };
        let begun = Instant::now();
        let (log, all) = schedule
            .run(&mut feed, |all| {
                while !all.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                Ok(begun.elapsed())
            })
            .unwrap();
        assert!(all >= Duration::from_millis(19), "{all:?}");
        assert_eq!(feed.all.len(), 20);
        assert!(feed.all[0].starts_with("k5k ") && feed.all[19].starts_with("k24k "));
        assert!(feed.all.iter().all(|text| text.len() == MESSAGE_BYTES));
        assert!((log.due(24) - log.first_due_unix_ms - 19.0).abs() < 1e-3);
    }

    #[test]
    fn last_message_waits_for_all_acknowledgements() {
        let mut feed = RecordingFeed::default();
        // All messages are due at once, so they are sent together.
        let schedule = Schedule { first: 0, count: 20, rate: u64::from(u32::MAX) };
        schedule.run(&mut feed, |_| Ok(())).unwrap();
        assert_eq!(feed.settled_before.last(), Some(&true));
    }
}
