//! Writes compressed copies next to the files of the bundle, for servers that do not compress by themselves.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fingerprint::files;

const COMPRESSIBLE: &[&str] = &["css", "html", "js", "json", "svg", "txt", "wasm", "webmanifest"];

/// Hosts edit this file, which would make a compressed copy of it out of date.
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

/// Writes `.br` and `.gz` files at the highest levels, on two threads.
pub fn compress(dist: &Path) -> Result<()> {
    let queue = Mutex::new(compressible(dist)?);
    let worker = || -> Result<()> {
        loop {
            // The lock is poisoned only if the other worker panicked, and then the scope below panics too.
            let next = queue.lock().map_err(|_| anyhow!("compression stopped"))?.pop();
            let Some(file) = next else { return Ok(()) };
            let raw = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            fs::write(with_suffix(&file, "br"), brotli(&raw)?)?;
            fs::write(with_suffix(&file, "gz"), gzip(&raw)?)?;
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        let own = worker();
        other.join().map_err(|_| anyhow!("compression panicked"))?.and(own)
    })
    .context("the bundle cannot be compressed")
}

/// `name.ext` with the suffix `br`: `name.ext.br`.
pub fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn brotli(raw: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, size_hint: raw.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &raw[..], &mut compressed, &params)?;
    Ok(compressed)
}

pub fn unbrotli(compressed: &[u8]) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    brotli::BrotliDecompress(&mut &compressed[..], &mut raw)?;
    Ok(raw)
}

fn gzip(raw: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(raw)?;
    Ok(encoder.finish()?)
}

pub fn gunzip(compressed: &[u8]) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut raw)?;
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decompression_restores_the_input() {
        let raw = b"a chat, a chat, a chat that runs in any browser".repeat(20);
        let (br, gz) = (brotli(&raw).unwrap(), gzip(&raw).unwrap());
        assert!(br.len() < gz.len() && gz.len() < raw.len());
        assert_eq!(unbrotli(&br).unwrap(), raw);
        assert_eq!(gunzip(&gz).unwrap(), raw);
    }
}
