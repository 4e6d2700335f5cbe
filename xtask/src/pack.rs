//! Compressed copies beside the files, for servers that hand them out as they are.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fingerprint::files;

const COMPRESSIBLE: &[&str] = &["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"];

/// Whoever hosts the bundle edits this one, which would leave its compressed copies behind.
const EDITED_BY_HOSTS: &str = "config.json";

/// The files of the bundle that have compressed copies.
pub fn compressible(dist: &Path) -> Result<Vec<PathBuf>> {
    let mut found = files(dist)?;
    found.retain(|file| {
        let known = file.extension().is_some_and(|ext| COMPRESSIBLE.iter().any(|known| ext == *known));
        known && file.file_name().is_some_and(|name| name != EDITED_BY_HOSTS)
    });
    Ok(found)
}

/// Writes `.br` and `.gz` at their best levels, on two threads.
pub fn pack(dist: &Path) -> Result<()> {
    let queue = Mutex::new(compressible(dist)?);
    let worker = || -> Result<()> {
        loop {
            // A poisoned queue means the other worker panicked; then the scope below panics anyway.
            let next = queue.lock().map_err(|_| anyhow!("packing stopped"))?.pop();
            let Some(file) = next else { return Ok(()) };
            let raw = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            fs::write(beside(&file, "br"), brotli(&raw)?)?;
            fs::write(beside(&file, "gz"), gzip(&raw)?)?;
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        let own = worker();
        other.join().map_err(|_| anyhow!("packing panicked"))?.and(own)
    })
    .context("the bundle could not be compressed")
}

/// `name.ext` to `name.ext.br`.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn brotli(raw: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, size_hint: raw.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &raw[..], &mut packed, &params)?;
    Ok(packed)
}

pub fn unbrotli(packed: &[u8]) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    brotli::BrotliDecompress(&mut &packed[..], &mut raw)?;
    Ok(raw)
}

fn gzip(raw: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(raw)?;
    Ok(encoder.finish()?)
}

pub fn gunzip(packed: &[u8]) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut raw)?;
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let raw = b"a chat, a chat, a chat that runs in any browser".repeat(20);
        let (br, gz) = (brotli(&raw).unwrap(), gzip(&raw).unwrap());
        assert!(br.len() < gz.len() && gz.len() < raw.len());
        assert_eq!(unbrotli(&br).unwrap(), raw);
        assert_eq!(gunzip(&gz).unwrap(), raw);
    }
}
