//! The tags (ETag) of files in a directory.
//!
//! A tag is the hash of the content. Computing it takes longer than everything else that a request needs, so it is kept
//! until the file changes. The time of modification is not enough to notice that: packages are often built with the same
//! time for all files. The time of change is set by the system.

use std::{
    collections::HashMap,
    fs::Metadata,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sha1::{Digest as _, Sha1};

/// The tags of files that were requested.
#[derive(Debug, Default)]
pub(super) struct Tags(Mutex<HashMap<PathBuf, (Version, Arc<str>)>>);

/// The state of a file that changes with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    length: u64,
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(unix)]
    inode: u64,
    #[cfg(not(unix))]
    modified: Option<std::time::SystemTime>,
}

impl Version {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { length: file.len(), changed: (file.ctime(), file.ctime_nsec()), inode: file.ino() }
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        Self { length: file.len(), modified: file.modified().ok() }
    }
}

impl Tags {
    /// The tag of a file of the page with this content. `file` was read before the content.
    pub(super) fn get(&self, path: &Path, file: &Metadata, content: &[u8]) -> Arc<str> {
        let version = Version::of(file);
        // One lock for both steps: while many clients request a new file, only one computes its hash.
        let mut tags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tags.get(path) {
            Some((known, tag)) if *known == version => tag.clone(),
            _ => {
                let tag: Arc<str> = hex(&Sha1::digest(content)).into();
                tags.insert(path.to_owned(), (version, tag.clone()));
                tag
            }
        }
    }
}

/// The first bytes of a hash. The tag identifies a content; it is not for security.
pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tag_is_computed_once_for_each_content() {
        let path = std::env::temp_dir().join(format!("parlour-tags-{}", std::process::id()));
        let tags = Tags::default();
        let get = |content: &str, read: &str| {
            fs::write(&path, content).unwrap();
            tags.get(&path, &fs::metadata(&path).unwrap(), read.as_bytes())
        };
        let first = get("one", "one");
        assert_ne!(get("other", "other"), first);
        assert_eq!(get("one", "one"), first);
        // The content of an unchanged file is not looked at.
        let file = fs::metadata(&path).unwrap();
        assert_eq!(tags.get(&path, &file, b"not hashed"), first);
        // Another content of the same length, once the clock of the file system has advanced.
        let time = file.modified().unwrap();
        while fs::metadata(&path).unwrap().modified().unwrap() == time {
            fs::write(&path, "two").unwrap();
        }
        assert_ne!(get("two", "two"), first);
        fs::remove_file(&path).unwrap();
    }
}
