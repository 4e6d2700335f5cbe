//! Checks the built bundle: its CSP, integrities, references, compressed copies and size.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::compress;
use crate::html::{Tag, tags};

/// Limit for the files that a first visit downloads before the login page works, compressed with Brotli.
const FIRST_LOAD_MAX_BYTES: u64 = 130_000;

/// The same limit with the room, which is downloaded while the user types a name.
const WITH_ROOM_MAX_BYTES: u64 = 430_000;

/// Limit for each other part, which is downloaded when it is needed, compressed with Brotli.
const PART_MAX_BYTES: u64 = 80_000;

/// The part that is loaded when the user asks for it: the others are there by then.
const LATE: &str = "emoji";

/// The part with the room.
const ROOM: &str = "room";

const SCRIPT_SRC: &str = "script-src 'self' 'wasm-unsafe-eval'";

pub fn check(dist: &Path) -> Result<()> {
    let page = read(&dist.join("index.html"))?;
    let tags = tags(&page);
    check_csp(&tags)?;
    check_nothing_inline(&tags)?;
    check_references(dist, &tags)?;
    check_no_third_party(dist)?;
    check_compressed(dist)?;
    Ok(())
}

/// Checks the limits of size. This is no part of [`check`], because a bundle that is too large still works.
pub fn check_size(dist: &Path) -> Result<()> {
    let (first_load, with_room) = (first_load_size(dist)?, size_with_room(dist)?);
    ensure!(
        first_load <= FIRST_LOAD_MAX_BYTES,
        "the login page has {first_load} bytes (Brotli); {FIRST_LOAD_MAX_BYTES} are allowed."
    );
    ensure!(with_room > first_load, "the room is not loaded separately from the login page.");
    ensure!(
        with_room <= WITH_ROOM_MAX_BYTES,
        "the login page and the room have {with_room} bytes (Brotli); {WITH_ROOM_MAX_BYTES} are allowed."
    );
    for (part, bytes) in other_parts(dist)? {
        ensure!(
            bytes <= PART_MAX_BYTES,
            "the part {part:?} has {bytes} bytes (Brotli); {PART_MAX_BYTES} are allowed."
        );
    }
    Ok(())
}

/// The page and the files that it loads before the client starts.
pub fn first_load(dist: &Path) -> Result<Vec<PathBuf>> {
    linked_files(dist, |tag| needs_integrity(tag) && !is_part(tag))
}

pub fn first_load_size(dist: &Path) -> Result<u64> {
    compressed_size(&first_load(dist)?)
}

pub fn size_with_room(dist: &Path) -> Result<u64> {
    let is_needed =
        |tag: &Tag| needs_integrity(tag) && (!is_part(tag) || parts(tag).any(|part| part == ROOM));
    compressed_size(&linked_files(dist, is_needed)?)
}

/// The other parts, each with the size of the modules that it needs and the room does not. A module that several of them need
/// counts for each, because any of them may be the first; but not for the late part.
pub fn other_parts(dist: &Path) -> Result<BTreeMap<String, u64>> {
    let mut sizes = BTreeMap::new();
    let page = read(&dist.join("index.html"))?;
    for tag in tags(&page).iter().filter(|tag| is_part(tag) && parts(tag).all(|part| part != ROOM)) {
        let Some(name) = tag.reference() else { continue };
        let is_shared = parts(tag).count() > 1;
        for part in parts(tag).filter(|part| *part != LATE || !is_shared) {
            *sizes.entry(part.to_owned()).or_default() += compressed_size(&[dist.join(name)])?;
        }
    }
    Ok(sizes)
}

/// The page, and the files to which the tags chosen by `filter` refer.
fn linked_files(dist: &Path, filter: impl Fn(&Tag) -> bool) -> Result<Vec<PathBuf>> {
    let index = dist.join("index.html");
    let page = read(&index)?;
    let files = tags(&page)
        .iter()
        .filter(|tag| filter(tag))
        .filter_map(Tag::reference)
        .map(|name| dist.join(name))
        .collect::<Vec<_>>();
    Ok(std::iter::once(index).chain(files).collect())
}

fn compressed_size(files: &[PathBuf]) -> Result<u64> {
    files.iter().map(|file| Ok(fs::metadata(compress::with_suffix(file, "br"))?.len())).sum()
}

fn check_csp(tags: &[Tag]) -> Result<()> {
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

fn check_nothing_inline(tags: &[Tag]) -> Result<()> {
    for tag in tags {
        let inline_script =
            tag.name == "script" && (tag.attr("src").is_none() || !tag.text.trim().is_empty());
        ensure!(!inline_script && tag.name != "style", "the page has an inline <{}>.", tag.name);
        let handler = tag.attr_names().find(|name| *name == "style" || name.starts_with("on"));
        ensure!(handler.is_none(), "<{}> has the attribute {}.", tag.name, handler.unwrap_or_default());
    }
    Ok(())
}

/// Browsers check the integrity of scripts, stylesheets and preloads, and boot/load_part.js that of the parts.
fn needs_integrity(tag: &Tag) -> bool {
    let rel = tag.attr("rel").unwrap_or_default();
    let loaded = tag.name == "link" && ["stylesheet", "modulepreload", "preload"].contains(&rel);
    tag.name == "script" || loaded || is_part(tag)
}

/// The link to a module that is loaded later; see `split`.
fn is_part(tag: &Tag) -> bool {
    tag.name == "link" && tag.attr("rel") == Some("part")
}

/// The parts that need a module.
fn parts(link: &Tag) -> impl Iterator<Item = &str> {
    link.attr("data-parts").unwrap_or_default().split(' ')
}

fn check_references(dist: &Path, tags: &[Tag]) -> Result<()> {
    for tag in tags {
        let Some(name) = tag.reference() else { continue };
        ensure!(
            !name.starts_with('/') && !name.contains(':'),
            "{name} in the page is not a relative address."
        );
        let file = dist.join(name);
        let bytes =
            fs::read(&file).with_context(|| format!("{name} is linked from the page but is not in dist/"))?;
        match tag.attr("integrity") {
            Some(integrity) => ensure!(matches(integrity, &bytes)?, "{name} does not match its integrity."),
            None => ensure!(!needs_integrity(tag), "{name} is loaded without an integrity attribute."),
        }
    }
    let has = |rel: &str| tags.iter().any(|tag| tag.attr("rel") == Some(rel));
    ensure!(has("modulepreload") && has("preload") && has("stylesheet"), "the page preloads no client.");
    Ok(())
}

/// The integrity attribute for a file.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", BASE64_STANDARD.encode(Sha384::digest(bytes)))
}

fn matches(integrity: &str, bytes: &[u8]) -> Result<bool> {
    let (name, expected) = integrity.split_once('-').context("an integrity attribute is malformed")?;
    let digest = match name {
        "sha256" => Sha256::digest(bytes).to_vec(),
        "sha384" => Sha384::digest(bytes).to_vec(),
        "sha512" => Sha512::digest(bytes).to_vec(),
        _ => bail!("{name} is no integrity algorithm."),
    };
    Ok(BASE64_STANDARD.encode(digest) == expected)
}

fn check_no_third_party(dist: &Path) -> Result<()> {
    for file in compress::compressible(dist)? {
        if file.extension().is_some_and(|ext| ["html", "js", "css"].iter().any(|text| ext == *text)) {
            let text = read(&file)?;
            if let Some(url) = text.lines().filter(|line| !is_comment(line)).find_map(absolute_url) {
                bail!("{} contains {url}: the bundle must not depend on other hosts.", file.display());
            }
        }
    }
    Ok(())
}

/// Returns `true` if a line is a comment. The scripts that wasm-bindgen generates refer to web pages in comments.
fn is_comment(line: &str) -> bool {
    ["//", "/*", "* "].iter().any(|start| line.trim_start().starts_with(start))
}

/// The first absolute web address in a line that is not an XML namespace.
fn absolute_url(text: &str) -> Option<&str> {
    let starts = text.match_indices("http").map(|(at, _)| &text[at..]);
    let urls = starts.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    let url = urls.into_iter().find(|url| !url.starts_with("http://www.w3.org/"))?;
    url.split(|c: char| c.is_whitespace() || "\"'`<>)".contains(c)).next()
}

fn check_compressed(dist: &Path) -> Result<()> {
    for file in compress::compressible(dist)? {
        let raw = fs::read(&file)?;
        let (br, gz) = (compress::with_suffix(&file, "br"), compress::with_suffix(&file, "gz"));
        let missing = |file: &Path| format!("{} is missing", file.display());
        let same = compress::unbrotli(&fs::read(&br).with_context(|| missing(&br))?)? == raw
            && compress::gunzip(&fs::read(&gz).with_context(|| missing(&gz))?)? == raw;
        ensure!(same, "the compressed copies of {} have other contents.", file.display());
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
