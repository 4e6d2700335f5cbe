//! CPU times of this thread, compared with each other.

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

/// The rounds in which both are run, in turn.
const ROUNDS: usize = 9;

/// The CPU time of `work` divided by that of `other`. Both are run in turn, and the least time of each counts: whatever else
/// runs on the machine only adds to it.
#[cfg(target_os = "linux")]
pub fn ratio(mut work: impl FnMut(), mut other: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let time = |work: &mut dyn FnMut()| {
        let before = now();
        work();
        now() - before
    };
    let mut least = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        least[0] = least[0].min(time(&mut work));
        least[1] = least[1].min(time(&mut other));
    }
    println!("{:.2} ms and {:.2} ms of CPU time", least[0], least[1]);
    least[0] / least[1]
}

/// Not measured on other systems, where `cargo xtask bench` does not run.
#[cfg(not(target_os = "linux"))]
pub fn ratio(_work: impl FnMut(), _other: impl FnMut()) -> f64 {
    f64::NAN
}
