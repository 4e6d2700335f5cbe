//! The corpora: one uncompressed tar archive per target, `corpus/<target>.tar`, instead of hundreds of small files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tar::{Archive, Builder, Header};

/// The name and the bytes of an input.
pub type Input = (String, Vec<u8>);

/// The archive of a target.
#[must_use]
pub fn path(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(format!("{target}.tar"))
}

/// Reads the inputs of an archive, in the order of their names.
///
/// # Errors
/// The archive is missing or damaged.
pub fn read(archive: &Path) -> io::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for entry in Archive::new(File::open(archive)?).entries()? {
        let mut entry = entry?;
        // Archives made by `tar` may contain folders.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        inputs.push((name, bytes));
    }
    inputs.sort();
    Ok(inputs)
}

/// Writes an archive. The same inputs yield the same bytes, because the archive is sorted by name and contains no times
/// or owners.
///
/// # Errors
/// The archive cannot be written, or a name is longer than 100 bytes.
pub fn write(archive: &Path, mut inputs: Vec<Input>) -> io::Result<()> {
    inputs.sort();
    let mut builder = Builder::new(File::create(archive)?);
    for (name, bytes) in inputs {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, &*bytes)?;
    }
    builder.finish()
}
