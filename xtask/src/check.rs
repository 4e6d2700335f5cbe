//! What must hold of every bundle, whoever built it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::html::{Tag, tags};
use crate::pack;

/// Brotli bytes of everything a first visit downloads before it can log in. It follows what is reached, downwards.
const FIRST_LOAD: u64 = 70_000;

/// The same with the room, which comes while a name is typed.
const WITH_ROOM: u64 = 169_000;

const SCRIPT_SRC: &str = "script-src 'self' 'wasm-unsafe-eval'";

pub fn check(dist: &Path) -> Result<()> {
    let page = read(&dist.join("index.html"))?;
    let tags = tags(&page);
    csp(&tags)?;
    nothing_inline(&tags)?;
    references(dist, &tags)?;
    no_third_party(dist)?;
    packed(dist)?;
    Ok(())
}

/// What `test` also asks: a bundle that has grown too large still works.
pub fn check_size(dist: &Path) -> Result<()> {
    let (size, whole) = (first_load_size(dist)?, whole_size(dist)?);
    ensure!(size <= FIRST_LOAD, "a first visit downloads {size} bytes of brotli; {FIRST_LOAD} are allowed.");
    ensure!(whole > size, "the room is not apart from the login page.");
    ensure!(
        whole <= WITH_ROOM,
        "the page and its room are {whole} bytes of brotli; {WITH_ROOM} are allowed."
    );
    Ok(())
}

/// The page and every file it loads before the client runs.
pub fn first_load(dist: &Path) -> Result<Vec<PathBuf>> {
    named(dist, |tag| needs_integrity(tag) && !is_part(tag))
}

pub fn first_load_size(dist: &Path) -> Result<u64> {
    packed_size(&first_load(dist)?)
}

/// The same with what is loaded later.
pub fn whole_size(dist: &Path) -> Result<u64> {
    packed_size(&named(dist, needs_integrity)?)
}

/// The page, and the files that these of its tags name.
fn named(dist: &Path, which: impl Fn(&Tag) -> bool) -> Result<Vec<PathBuf>> {
    let index = dist.join("index.html");
    let page = read(&index)?;
    let files = tags(&page)
        .iter()
        .filter(|tag| which(tag))
        .filter_map(Tag::reference)
        .map(|name| dist.join(name))
        .collect::<Vec<_>>();
    Ok(std::iter::once(index).chain(files).collect())
}

fn packed_size(files: &[PathBuf]) -> Result<u64> {
    files.iter().map(|file| Ok(fs::metadata(pack::beside(file, "br"))?.len())).sum()
}

fn csp(tags: &[Tag]) -> Result<()> {
    let is_csp = |tag: &&Tag| {
        tag.attr("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"))
    };
    let policies: Vec<&str> = tags.iter().filter(is_csp).filter_map(|tag| tag.attr("content")).collect();
    let [policy] = policies[..] else { bail!("the page has {} CSP tags instead of one.", policies.len()) };
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for wanted in
        ["default-src 'none'", SCRIPT_SRC, "style-src 'self'", "base-uri 'none'", "form-action 'none'"]
    {
        ensure!(directives.contains(&wanted), "the page's CSP lacks {wanted:?}.");
    }
    for loose in ["unsafe-inline", "'unsafe-eval'", "nonce-", "sha256-", "sha384-", "sha512-"] {
        ensure!(!policy.contains(loose), "the page's CSP allows {loose}.");
    }
    Ok(())
}

fn nothing_inline(tags: &[Tag]) -> Result<()> {
    for tag in tags {
        let inline_script =
            tag.name == "script" && (tag.attr("src").is_none() || !tag.text.trim().is_empty());
        ensure!(!inline_script && tag.name != "style", "the page has an inline <{}>.", tag.name);
        let handler = tag.attr_names().find(|name| *name == "style" || name.starts_with("on"));
        ensure!(handler.is_none(), "<{}> has the attribute {}.", tag.name, handler.unwrap_or_default());
    }
    Ok(())
}

/// Browsers check the integrity of scripts, stylesheets and their preloads, and the page that of its room.
fn needs_integrity(tag: &Tag) -> bool {
    let rel = tag.attr("rel").unwrap_or_default();
    let loaded = tag.name == "link" && ["stylesheet", "modulepreload", "preload"].contains(&rel);
    tag.name == "script" || loaded || is_part(tag)
}

/// It is loaded once the login page stands: see `part`.
fn is_part(tag: &Tag) -> bool {
    tag.name == "link" && tag.attr("rel") == Some("part")
}

fn references(dist: &Path, tags: &[Tag]) -> Result<()> {
    for tag in tags {
        let Some(name) = tag.reference() else { continue };
        ensure!(
            !name.starts_with('/') && !name.contains(':'),
            "{name} in the page is not a relative address."
        );
        let file = dist.join(name);
        let bytes =
            fs::read(&file).with_context(|| format!("{name}, which the page names, is not in dist/"))?;
        match tag.attr("integrity") {
            Some(integrity) => ensure!(digest(integrity, &bytes)?, "{name} does not match its integrity."),
            None => ensure!(!needs_integrity(tag), "{name} is loaded without an integrity attribute."),
        }
    }
    let all = |rel: &str| tags.iter().any(|tag| tag.attr("rel") == Some(rel));
    ensure!(all("modulepreload") && all("preload") && all("stylesheet"), "the page preloads no client.");
    Ok(())
}

fn digest(integrity: &str, bytes: &[u8]) -> Result<bool> {
    let (name, expected) = integrity.split_once('-').context("an integrity attribute is malformed")?;
    let digest = match name {
        "sha256" => Sha256::digest(bytes).to_vec(),
        "sha384" => Sha384::digest(bytes).to_vec(),
        "sha512" => Sha512::digest(bytes).to_vec(),
        _ => bail!("{name} is no integrity algorithm."),
    };
    Ok(BASE64_STANDARD.encode(digest) == expected)
}

fn no_third_party(dist: &Path) -> Result<()> {
    for file in pack::compressible(dist)? {
        if file.extension().is_some_and(|ext| ["html", "js", "css"].iter().any(|text| ext == *text)) {
            let text = read(&file)?;
            if let Some(url) = text.lines().filter(|line| !is_comment(line)).find_map(absolute_url) {
                bail!("{} names {url}: the bundle must not depend on other hosts.", file.display());
            }
        }
    }
    Ok(())
}

/// A line of nothing but a comment, such as the JavaScript that bindgen writes has: it may name what explains it.
fn is_comment(line: &str) -> bool {
    ["//", "/*", "* "].iter().any(|start| line.trim_start().starts_with(start))
}

/// The first absolute web address in a line, XML namespaces aside.
fn absolute_url(text: &str) -> Option<&str> {
    let starts = text.match_indices("http").map(|(at, _)| &text[at..]);
    let urls = starts.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    let url = urls.into_iter().find(|url| !url.starts_with("http://www.w3.org/"))?;
    url.split(|c: char| c.is_whitespace() || "\"'`<>)".contains(c)).next()
}

fn packed(dist: &Path) -> Result<()> {
    for file in pack::compressible(dist)? {
        let raw = fs::read(&file)?;
        let (br, gz) = (pack::beside(&file, "br"), pack::beside(&file, "gz"));
        let missing = |packed: &Path| format!("{} is missing", packed.display());
        let same = pack::unbrotli(&fs::read(&br).with_context(|| missing(&br))?)? == raw
            && pack::gunzip(&fs::read(&gz).with_context(|| missing(&gz))?)? == raw;
        ensure!(same, "the compressed copies of {} hold something else.", file.display());
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
