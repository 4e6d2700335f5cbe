//! What every scenario needs to know.

use std::{path::PathBuf, time::Duration};

use crate::target::Place;

/// Where things are, and how long things go on.
#[derive(Debug)]
pub struct Setting {
    pub place: Place,
    /// The browser.
    pub chrome: PathBuf,
    /// The bundle.
    pub dist: PathBuf,
    /// Floods, scrolling and being idle are multiples of this.
    pub span: Duration,
}
