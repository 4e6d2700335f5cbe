//! Errors of accepting connections: how long to wait after one, and when to log it.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The wait after the first error in a row; doubled after each further one.
const MIN_WAIT: Duration = Duration::from_millis(10);
/// The longest wait. A connection that ends frees a file descriptor, so the next attempt may succeed.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// The time from the first log line to the second; doubled after each line.
const MIN_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// The longest time between two log lines.
const MAX_LOG_INTERVAL: Duration = Duration::from_secs(3600);
/// The time without an error after which the next one is logged at once.
const QUIET: Duration = Duration::from_secs(600);

/// The approximate number of files that the server opens besides its connections.
#[cfg(unix)]
const OTHER_OPEN_FILES: u64 = 64;

/// An error of accepting connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptError {
    /// Only one connection is affected: it ended before it was accepted.
    Connection,
    /// The process or the system has too many open files.
    OpenFiles,
    /// The system is out of memory or has another problem.
    System,
}

impl AcceptError {
    /// Classifies an error of `accept`.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TimedOut
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable => Self::Connection,
            _ if is_open_files(error) => Self::OpenFiles,
            _ => Self::System,
        }
    }

    /// Advice for the operator.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Connection => "nothing needs to be done",
            Self::OpenFiles => {
                "raise the limit of open files (systemd: LimitNOFILE=65536; docker: --ulimit nofile=65536; shell: \
                 ulimit -n 65536), or lower max_connections"
            }
            Self::System => "check the memory of the machine, or lower max_connections",
        }
    }
}

#[cfg(unix)]
fn is_open_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error
        .raw_os_error()
        .is_some_and(|code| [Errno::MFILE, Errno::NFILE].contains(&Errno::from_raw_os_error(code)))
}

#[cfg(not(unix))]
fn is_open_files(_error: &io::Error) -> bool {
    false
}

/// The errors of all listeners so far.
#[derive(Debug, Default)]
pub struct AcceptErrors(Mutex<History>);

#[derive(Debug, Default)]
struct History {
    /// The time of the last error.
    last: Option<Instant>,
    /// Errors since the last log line.
    unlogged: u64,
    next_log: Option<Instant>,
    log_interval: Duration,
}

impl AcceptErrors {
    /// Records an error. If it is to be logged, the value is the number of errors since the last log line.
    pub fn record(&self, now: Instant) -> Option<u64> {
        let mut history = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if history.last.is_some_and(|last| now.duration_since(last) >= QUIET) {
            *history = History::default();
        }
        history.last = Some(now);
        history.unlogged += 1;
        if history.next_log.is_some_and(|next| now < next) {
            return None;
        }
        history.log_interval = (history.log_interval * 2).clamp(MIN_LOG_INTERVAL, MAX_LOG_INTERVAL);
        history.next_log = Some(now + history.log_interval);
        Some(std::mem::take(&mut history.unlogged))
    }
}

/// The wait after a number of errors in a row.
#[must_use]
pub fn wait_after(errors: u32) -> Duration {
    MIN_WAIT.saturating_mul(1 << errors.saturating_sub(1).min(16)).min(MAX_WAIT)
}

/// Logs a warning if the limit of open files is too low for the configured number of connections.
#[cfg(unix)]
pub(crate) fn check_open_files(max_connections: usize) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let Some(limit) = limit else { return };
    if max_connections as u64 + OTHER_OPEN_FILES > limit {
        tracing::warn!(
            limit,
            max_connections,
            "the limit of open files is too low for max_connections: {}",
            AcceptError::OpenFiles.advice()
        );
    }
}

#[cfg(not(unix))]
pub(crate) fn check_open_files(_max_connections: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_second() {
        let waits: Vec<_> = (1..=9).map(|errors| wait_after(errors).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(wait_after(u32::MAX), MAX_WAIT);
    }

    #[test]
    fn lasting_errors_are_logged_ever_more_rarely() {
        let (errors, start) = (AcceptErrors::default(), Instant::now());
        // One error a second, for a day.
        let logged: Vec<_> =
            (0..86_400).filter(|&n| errors.record(start + Duration::from_secs(n)).is_some()).collect();
        assert_eq!(&logged[..6], [0, 60, 180, 420, 900, 1860]);
        assert!(logged.len() < 32, "{logged:?}");
        assert!(logged.last().is_some_and(|&last| last > 86_400 - 3700), "{logged:?}");
    }

    #[test]
    fn new_errors_after_a_quiet_time_are_logged_at_once() {
        let (errors, start) = (AcceptErrors::default(), Instant::now());
        assert_eq!(errors.record(start), Some(1));
        assert_eq!(errors.record(start + Duration::from_secs(1)), None);
        assert_eq!(errors.record(start + QUIET + Duration::from_secs(1)), Some(1));
        assert_eq!(errors.record(start + QUIET + Duration::from_secs(2)), None);
    }

    #[cfg(unix)]
    #[test]
    fn errors_of_one_connection_are_told_apart() {
        use rustix::io::Errno;
        for (errno, expected) in [
            (Errno::MFILE, AcceptError::OpenFiles),
            (Errno::NFILE, AcceptError::OpenFiles),
            (Errno::CONNABORTED, AcceptError::Connection),
            (Errno::NOBUFS, AcceptError::System),
            (Errno::NOMEM, AcceptError::System),
        ] {
            assert_eq!(AcceptError::of(&io::Error::from_raw_os_error(errno.raw_os_error())), expected);
        }
    }
}
