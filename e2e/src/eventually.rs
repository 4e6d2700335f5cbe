//! Polling until a condition holds.

use std::time::{Duration, Instant};

/// Default deadline. It is long because two browsers may share the machine with a build.
const DEADLINE: Duration = Duration::from_secs(20);

/// Polls `probe` until it returns `Ok`, and returns the value. `Err` describes the current state.
///
/// # Panics
/// If the deadline passes; the message contains the last state.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(DEADLINE, what, probe).await
}

/// [`eventually`] with a custom deadline.
///
/// # Panics
/// As [`eventually`].
pub async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    wait(deadline, what, probe).await.unwrap_or_else(|why| panic!("{why}"))
}

/// Polls until `probe` succeeds or the deadline passes.
pub(crate) async fn wait<T>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let start = Instant::now();
    loop {
        let state = match probe().await {
            Ok(found) => return Ok(found),
            Err(state) => state,
        };
        if start.elapsed() > deadline {
            return Err(format!("waited {deadline:?} for: {what}\nlast state: {state}"));
        }
        // Browsers and processes do not report changes, and polling without a pause would take their CPU time.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
