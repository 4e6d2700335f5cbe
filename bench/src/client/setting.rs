//! Parameters of all scenarios.

use std::{path::PathBuf, time::Duration};

use crate::target::Paths;

/// Paths and durations.
#[derive(Debug)]
pub struct Setting {
    pub paths: Paths,
    /// The browser's program.
    pub chrome: PathBuf,
    /// The folder with the bundle.
    pub dist: PathBuf,
    /// The time unit of the measurements; floods, scrolling and idling take multiples of it.
    pub span: Duration,
}
