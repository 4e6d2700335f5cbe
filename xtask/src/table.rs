//! How large the bundle is, file by file.

use std::fs;

use anyhow::Result;

use crate::place::Place;
use crate::{check, fingerprint, pack};

pub fn print(place: &Place) -> Result<()> {
    let dist = place.dist();
    println!("{:>9} {:>9} {:>9}  dist/", "bytes", "gzip", "brotli");
    for file in fingerprint::files(&dist)? {
        if file.extension().is_some_and(|ext| ext == "br" || ext == "gz") {
            continue;
        }
        let size = |packed| match fs::metadata(packed) {
            Ok(metadata) => metadata.len().to_string(),
            Err(_) => "-".to_owned(),
        };
        let (gz, br) = (size(pack::beside(&file, "gz")), size(pack::beside(&file, "br")));
        let name = file.strip_prefix(&dist).unwrap_or(&file).display().to_string();
        println!("{:>9} {gz:>9} {br:>9}  {name}", size(file));
    }
    let total = check::first_load_size(&dist)?;
    println!("{total:>29}  what a first visit downloads (page, style, script, module)");
    println!("{:>29}  with the room, which follows while a name is typed", check::whole_size(&dist)?);
    Ok(())
}
