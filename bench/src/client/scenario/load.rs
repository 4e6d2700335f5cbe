//! What a first visit loads, in bytes of bodies as they go over the wire with brotli.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    client::{
        peers::{Held, Peer},
        setting::Setting,
    },
    measure::Figures,
};

/// How long nothing may be asked for before it counts as all.
const QUIET: Duration = Duration::from_secs(1);

/// How long a server may take for a file.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that was asked for, and whether that was before the page could be used.
const ASKED: &str = "[[location.href, true]].concat(performance.getEntriesByType('resource')
    .map(({ name, startTime }) => [name, startTime < bench.usable]))";

/// What the columns are called, and how a type begins or ends that is one of it.
const KINDS: &[(&str, &[&str])] = &[
    ("html", &["text/html"]),
    ("style", &["text/css"]),
    ("script", &["text/javascript", "application/javascript"]),
    ("wasm", &["application/wasm"]),
    ("font", &["font/", "application/font"]),
    ("image", &["image/"]),
];

/// Served packed or not, these shrink.
const PACKED: &[&str] = &["text/", "javascript", "json", "wasm", "svg", "manifest"];

pub fn load(setting: &Setting, peer: &Peer) -> Result<Figures> {
    let site = peer.start(setting, Held(0))?;
    let mut browser = peer.browser(setting)?;
    browser.goto(&site.url)?;
    browser.until::<f64>("the page can be used", "globalThis.bench?.usable")?;
    let mut asked: Vec<(String, bool)> = browser.eval(ASKED)?;
    loop {
        // The end of loading is that nothing comes any more.
        sleep(QUIET);
        let now: Vec<(String, bool)> = browser.eval(ASKED)?;
        if now.len() == asked.len() {
            break;
        }
        asked = now;
    }
    // A worker that keeps the page for the next time may ask for its files again; the browser has them by then.
    asked.sort_by(|(a, before_a), (b, before_b)| (a, !before_a).cmp(&(b, !before_b)));
    asked.dedup_by(|second, first| second.0 == first.0);
    let (mut first, mut later, mut kinds) = (0, 0, vec![0; KINDS.len() + 1]);
    for (url, before) in &asked {
        let Some((kind, bytes)) = get(url).with_context(|| format!("{url} cannot be loaded"))? else {
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
    let named = |name: &str, bytes: usize| (format!("first load, {name}, bytes"), bytes as f64);
    let names = KINDS.iter().map(|(name, _)| *name).chain(["other"]);
    let mut figures = vec![("first load, bytes".into(), first as f64)];
    figures.extend(names.zip(&kinds).map(|(name, bytes)| named(name, *bytes)));
    figures.push(named("later", later));
    Ok(figures)
}

/// The type and the size of what is there; packed by us, as the bundle is, where it is served as it is. Nothing for what
/// is not asked of a server.
fn get(url: &str) -> Result<Option<(String, usize)>> {
    let Some((host, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        return Ok(None);
    };
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // In the older version an answer is never in pieces.
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\nAccept-Encoding: br\r\n\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(stream.read_line(&mut head)? > 0, "it has no end of headers");
    }
    head.make_ascii_lowercase();
    match head.split(' ').nth(1) {
        Some("200") => {}
        // What is not there has next to no bytes: an icon that the browser asks for by itself.
        Some("404") => return Ok(None),
        _ => bail!("{}", head.lines().next().unwrap_or_default()),
    }
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    // Not every server closes after an answer.
    let length = header("content-length").parse().unwrap_or(u64::MAX);
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    let kind = header("content-type");
    let encoding = header("content-encoding");
    ensure!(matches!(&*encoding, "" | "br"), "it is packed with {encoding}, which was not asked for");
    let packs = PACKED.iter().any(|part| kind.contains(part));
    let bytes = if encoding.is_empty() && packs { brotli(&body)? } else { body.len() };
    Ok(Some((kind, bytes)))
}

/// As `cargo xtask dist` packs. A file that grows by it is sent as it is.
fn brotli(raw: &[u8]) -> Result<usize> {
    let mut packed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, size_hint: raw.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &raw[..], &mut packed, &params)?;
    Ok(packed.len().min(raw.len()))
}
