//! The size of a first visit: all response bodies, compressed with brotli.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    client::{
        peers::{Peer, Preloaded},
        setting::Setting,
    },
    measure::Figures,
};

/// Time without a request after which loading is considered complete.
const SILENCE: Duration = Duration::from_secs(1);

/// Deadline for a file.
const DEADLINE: Duration = Duration::from_secs(20);

/// All requested URLs, and whether each was requested before the page was usable.
const REQUESTED: &str = "[[location.href, true]].concat(performance.getEntriesByType('resource')
    .map(({ name, startTime }) => [name, startTime < bench.usable]))";

/// Names of the rows, and prefixes of the content types that belong to each.
const KINDS: &[(&str, &[&str])] = &[
    ("html", &["text/html"]),
    ("style", &["text/css"]),
    ("script", &["text/javascript", "application/javascript"]),
    ("wasm", &["application/wasm"]),
    ("font", &["font/", "application/font"]),
    ("image", &["image/"]),
];

/// Content types that compress well.
const COMPRESSIBLE: &[&str] = &["text/", "javascript", "json", "wasm", "svg", "manifest"];

pub fn load(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Preloaded(0))?;
    let mut browser = peer.browser(setting)?;
    browser.goto(&site.url)?;
    browser.until::<f64>("the page can be used", "globalThis.bench?.usable")?;
    let mut requested: Vec<(String, bool)> = browser.eval(REQUESTED)?;
    loop {
        // There is no event for the end of loading.
        sleep(SILENCE);
        let now: Vec<(String, bool)> = browser.eval(REQUESTED)?;
        if now.len() == requested.len() {
            break;
        }
        requested = now;
    }
    // A service worker may request files again for its cache; the browser has them already.
    requested.sort_by(|(a, before_a), (b, before_b)| (a, !before_a).cmp(&(b, !before_b)));
    requested.dedup_by(|second, first| second.0 == first.0);
    let (mut first, mut later, mut kinds) = (0, 0, vec![0; KINDS.len() + 1]);
    for (url, before) in &requested {
        let Some((kind, bytes)) = get(url).with_context(|| format!("cannot load {url}"))? else {
            continue;
        };
        if !before {
            later += bytes;
            continue;
        }
        first += bytes;
        let is = |known: &&str| kind.starts_with(known);
        let of = KINDS.iter().position(|(_, known)| known.iter().any(is)).unwrap_or(KINDS.len());
        kinds[of] += bytes;
    }
    let figure = |name: &str, bytes: usize| (format!("first load, {name}, bytes"), bytes as f64);
    let names = KINDS.iter().map(|(name, _)| *name).chain(["other"]);
    let mut figures = vec![("first load, bytes".into(), first as f64)];
    figures.extend(names.zip(&kinds).map(|(name, bytes)| figure(name, *bytes)));
    figures.push(figure("later", later));
    Ok(figures)
}

/// The content type and size of a file. A compressible file that is served uncompressed is compressed here, as for the
/// bundle. Returns `None` for URLs that are not requested from a server.
fn get(url: &str) -> Result<Option<(String, usize)>> {
    let Some((host, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        return Ok(None);
    };
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // HTTP/1.0 has no chunked responses.
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\nAccept-Encoding: br\r\n\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(stream.read_line(&mut head)? > 0, "the response head is incomplete");
    }
    head.make_ascii_lowercase();
    match head.split(' ').nth(1) {
        Some("200") => {}
        // Missing files have almost no content; for example the icon that browsers request by themselves.
        Some("404") => return Ok(None),
        _ => bail!("{}", head.lines().next().unwrap_or_default()),
    }
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    // Not every server closes the connection after a response.
    let length = header("content-length").parse().unwrap_or(u64::MAX);
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    let kind = header("content-type");
    let encoding = header("content-encoding");
    ensure!(matches!(&*encoding, "" | "br"), "the encoding {encoding} was not requested");
    let is_compressible = COMPRESSIBLE.iter().any(|part| kind.contains(part));
    let bytes = if encoding.is_empty() && is_compressible { brotli(&body)? } else { body.len() };
    Ok(Some((kind, bytes)))
}

/// Compresses as `cargo xtask dist` does. A file that does not shrink is sent uncompressed.
fn brotli(raw: &[u8]) -> Result<usize> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, size_hint: raw.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &raw[..], &mut compressed, &params)?;
    Ok(compressed.len().min(raw.len()))
}
