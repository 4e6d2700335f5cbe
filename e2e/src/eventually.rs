//! Waiting for something to be so.

use std::time::{Duration, Instant};

/// How long something may take that takes a moment. Long, because two browsers share the machine with a build.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `look` sees what is expected, and gives it. Until then `look` says what it sees instead.
///
/// # Panics
/// When that takes too long; with what was seen last.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(DEADLINE, what, look).await
}

/// [`eventually`], with a deadline of one's own.
///
/// # Panics
/// As [`eventually`].
pub async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    wait(deadline, what, look).await.unwrap_or_else(|why| panic!("{why}"))
}

/// Asks until the answer is what is expected, or until it has taken too long.
pub(crate) async fn wait<T>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        let seen = match look().await {
            Ok(found) => return Ok(found),
            Err(seen) => seen,
        };
        if begun.elapsed() > deadline {
            return Err(format!("waited {deadline:?} for: {what}\nseen last: {seen}"));
        }
        // The one pause of the suite: a browser and a process tell nobody that they changed, so they have to be
        // asked again, and asked without a pause they would get no time to change.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
