//! Parses the headers of reverse proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

use super::{FORWARDED, FORWARDED_FOR};

/// The report of one proxy about the peer that connected to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// The peer's address; `None` if it is missing, hidden or malformed.
    pub address: Option<IpAddr>,
    /// The host that the peer named.
    pub host: Option<String>,
}

/// The entries of `X-Forwarded-For`, `None` for those that are not addresses. The last one is the nearest.
pub(super) fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    for value in headers.get_all(FORWARDED_FOR) {
        match value.to_str() {
            Ok(list) => {
                let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                hops.extend(entries.map(|entry| node(entry.trim_matches('"'))));
            }
            Err(_) => hops.push(None),
        }
    }
    hops
}

/// The elements of `Forwarded`. A malformed line is one hop about which nothing is known.
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let mut hops = Vec::new();
    for value in headers.get_all(FORWARDED) {
        match value.to_str().ok().and_then(elements) {
            Some(elements) => hops.extend(elements),
            None => hops.push(Hop::default()),
        }
    }
    hops
}

/// The elements of a line. `None` if it is malformed: then it is unknown where the element of the last proxy begins, for
/// example after a quote that the client opened.
fn elements(line: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let (mut hop, mut is_empty) = (Hop::default(), true);
    let mut rest = line.trim_start();
    loop {
        if !rest.is_empty() && !rest.starts_with([',', ';']) {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after)?;
            match name.to_ascii_lowercase().as_str() {
                "for" => hop.address = node(&value),
                "host" => hop.host = Some(value),
                name if name.is_empty()
                    || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') =>
                {
                    return None;
                }
                _ => {}
            }
            is_empty = false;
            rest = after.trim_start();
        }
        let separator = rest.chars().next();
        if separator != Some(';') && !is_empty {
            hops.push(std::mem::take(&mut hop));
            is_empty = true;
        }
        match separator {
            None => return Some(hops),
            Some(',' | ';') => rest = rest[1..].trim_start(),
            Some(_) => return None,
        }
    }
}

/// The value at the start of a text, without its quotes, and the text after it. Values with a colon should be quoted, but
/// some proxies do not quote them.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// The address of a node: IPv4, or IPv6 with or without brackets, and perhaps a port, which may be a word.
fn node(text: &str) -> Option<IpAddr> {
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address, port.strip_prefix(':').or_else(|| port.is_empty().then_some("0"))?)
        }
        None => match text.split_once(':') {
            // With more than one colon it is an IPv6 address.
            Some((address, port)) if !port.contains(':') => (address, port),
            _ => (text, "0"),
        },
    };
    let is_port = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if port.is_empty() || !port.chars().all(is_port) {
        return None;
    }
    // An IPv6 zone such as %eth0 has a meaning only on the proxy's machine.
    let address = address.split('%').next()?;
    let is_bracketed = text.starts_with('[');
    match address.parse().ok()? {
        IpAddr::V4(_) if is_bracketed => None,
        address => Some(address.to_canonical()),
    }
}

/// A host with this port, if it has none and the port is one.
pub(super) fn with_port(host: &str, port: &str) -> Option<String> {
    let port: u16 = port.trim().parse().ok()?;
    let has_port = host.parse::<SocketAddr>().is_ok()
        || host.rsplit_once(':').is_some_and(|(host, port)| !port.contains(']') && !host.contains(':'));
    match host.parse::<Ipv6Addr>() {
        Ok(address) => Some(format!("[{address}]:{port}")),
        Err(_) => (!has_port).then(|| format!("{host}:{port}")),
    }
}
