//! Target `http`: the headers of a request, which clients, proxies and the pages of other servers set.

use std::net::{IpAddr, Ipv4Addr};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, HOST, ORIGIN},
};
use parlour_server::{
    config::{Config, List},
    http::{
        forwarded::TrustedProxies,
        origin::{OriginPolicy, Proxied},
    },
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The most hosts that proxies can report: 16 in each of two headers, as they are and with 8 ports.
const MAX_HOSTS: usize = 2 * 16 * (1 + 8);
/// The address of a client that connects to a proxy.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// The domain of an attacker.
const FOREIGN_DOMAIN: &str = "foreign.example";

/// Reads each line as a header, or as a setting of the same form: `trust_proxy`, `proxy_addresses`, `allow_host`,
/// `allow_origin`, and `peer`, the address of the socket.
///
/// # Panics
/// If an address is accepted that the socket does not have and no trusted proxy reports, if a client changes the address
/// that a proxy reports, if the reported hosts are not bounded, if an origin is accepted that is neither listed nor that
/// of a known host or is refused although it is, or if a setting has no effect.
pub fn http(data: &[u8]) {
    let Some(request) = Request::read(data) else { return };
    let hosts = request.assert_address_is_reported();
    request.assert_client_cannot_forge();
    let policy = OriginPolicy::new(&request.config);
    request.assert_origin_is_known(&policy, hosts);
    request.assert_settings_work(&policy);
}

struct Request {
    config: Config,
    proxies: TrustedProxies,
    peer: IpAddr,
    headers: HeaderMap,
}

impl Request {
    /// `None` if the server refuses the settings.
    fn read(data: &[u8]) -> Option<Self> {
        let (mut config, mut peer, mut headers) = (Config::default(), CLIENT, HeaderMap::new());
        for line in data.split(|byte| *byte == b'\n') {
            let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (&line[..at], line[at + 1..].trim_ascii());
            let text = std::str::from_utf8(value).unwrap_or_default();
            match name {
                b"peer" => peer = text.parse().ok()?,
                b"trust_proxy" => config.trust_proxy = text == "true",
                b"proxy_addresses" => config.proxy_addresses = text.parse().ok()?,
                b"allow_host" => config.allow_host = list(text),
                b"allow_origin" => config.allow_origin = list(text),
                _ => {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
                    {
                        headers.append(name, value);
                    }
                }
            }
        }
        let proxies = TrustedProxies::new(&config);
        config.validate().ok().map(|()| Self { config, proxies, peer: peer.to_canonical(), headers })
    }

    fn is_behind_proxy(&self) -> bool {
        let proxies = &self.config.proxy_addresses;
        let is_known = proxies.iter().any(|network| network.canonical().contains(self.peer));
        self.config.trust_proxy && (proxies.is_empty() || is_known)
    }

    /// Returns the hosts that proxies report.
    fn assert_address_is_reported(&self) -> Vec<String> {
        let address = self.proxies.client_address(self.peer, &self.headers);
        let hosts = self.proxies.hosts(self.peer, &self.headers);
        if self.is_behind_proxy() {
            assert!(
                address == self.peer || is_reported(&self.headers, address),
                "{address} is in no header, and {} is connected",
                self.peer
            );
        } else {
            assert_eq!((address, hosts.len()), (self.peer, 0), "a proxy is believed that is not trusted");
        }
        assert!(hosts.len() <= MAX_HOSTS && !hosts.iter().any(String::is_empty), "hosts: {hosts:?}");
        hosts
    }

    /// The headers are those of the client, and the proxy adds the client's address to them.
    fn assert_client_cannot_forge(&self) {
        let is_proxy = self.config.proxy_addresses.iter().any(|network| network.canonical().contains(CLIENT));
        if !self.is_behind_proxy() || is_proxy {
            return;
        }
        let address = |headers: &HeaderMap| self.proxies.client_address(self.peer, headers);
        let (line, same) = self.reported(&FORWARDED_FOR, &CLIENT.to_string());
        assert_eq!(address(&line), CLIENT, "X-Forwarded-For in a line of its own: {line:?}");
        if same.get_all(FORWARDED_FOR).iter().all(|value| value.to_str().is_ok()) {
            assert_eq!(address(&same), CLIENT, "X-Forwarded-For in the same line: {same:?}");
        }
        if !self.config.proxy_addresses.is_empty() {
            let (line, _) = self.reported(&FORWARDED_FOR, &format!("{CLIENT}, {}", self.peer));
            assert_eq!(address(&line), CLIENT, "X-Forwarded-For of two proxies: {line:?}");
        }
        let (mut line, mut same) = self.reported(&FORWARDED, &format!("for={CLIENT}"));
        line.remove(FORWARDED_FOR);
        same.remove(FORWARDED_FOR);
        assert_eq!(address(&line), CLIENT, "Forwarded in a line of its own: {line:?}");
        // A client that makes the line unreadable counts as the proxy.
        assert!([CLIENT, self.peer].contains(&address(&same)), "Forwarded in the same line: {same:?}");
    }

    /// The headers after a proxy has added to one of them, in a line of its own and in the last line.
    fn reported(&self, name: &HeaderName, entry: &str) -> (HeaderMap, HeaderMap) {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap_or_else(|error| panic!("{error}"));
        let (mut line, mut same) = (self.headers.clone(), self.headers.clone());
        line.append(name, value(entry.as_bytes()));
        same.remove(name);
        let mut values: Vec<_> = self.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let last = match values.pop() {
            Some(last) => [last, b", ", entry.as_bytes()].concat(),
            None => entry.into(),
        };
        for bytes in values.into_iter().chain([&*last]) {
            same.append(name, value(bytes));
        }
        (line, same)
    }

    fn assert_origin_is_known(&self, policy: &OriginPolicy, hosts: Vec<String>) {
        let is_proxied = self.proxies.is_proxied(self.peer, &self.headers);
        let origins: Vec<_> = self.headers.get_all(ORIGIN).iter().map(HeaderValue::to_str).collect();
        let is_expected = match &*origins {
            [] => true,
            [Ok(origin)] => {
                let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
                self.is_listed(origin)
                    || hosts.iter().any(|host| is_page_of(origin, host))
                    || (is_page_of(origin, host)
                        && ((is_proxied && origin.starts_with("https:"))
                            || policy.hosts.contains(without_port(host))))
            }
            _ => self.is_listed("*"),
        };
        let result = policy.check(&self.headers, &Proxied { proxied: is_proxied, hosts });
        assert_eq!(result.is_ok(), is_expected, "{result:?} for {:?}", self.headers);
    }

    fn is_listed(&self, origin: &str) -> bool {
        let normal = |origin: &str| {
            let origin = origin.trim_end_matches('/').to_ascii_lowercase();
            let port = if origin.starts_with("http://") { ":80" } else { ":443" };
            let is_web = origin.starts_with("http://") || origin.starts_with("https://");
            origin.strip_suffix(port).filter(|_| is_web).unwrap_or(&origin).to_owned()
        };
        self.config.allow_origin.iter().any(|listed| listed == "*" || normal(listed) == normal(origin))
    }

    fn assert_settings_work(&self, policy: &OriginPolicy) {
        let (hosts, origins) = (&self.config.allow_host, &self.config.allow_origin);
        for origin in origins.iter().filter(|origin| *origin != "*") {
            let Ok(value) = HeaderValue::try_from(origin) else { panic!("no page has the origin {origin}") };
            let headers = HeaderMap::from_iter([(ORIGIN, value)]);
            assert_eq!(policy.check(&headers, &Proxied::default()), Ok(()), "{origin} is in allow_origin");
        }
        for host in hosts.iter() {
            assert!(policy.hosts.contains(&host.replace('*', "a")), "{host} is in allow_host");
        }
        if !hosts.iter().chain(origins.iter()).any(|name| name.contains('*') || name.contains("example")) {
            let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            let foreign = format!("{host}.{FOREIGN_DOMAIN}");
            assert!(!policy.hosts.contains(&foreign), "{foreign} belongs to somebody else");
        }
    }
}

fn list(text: &str) -> List<String> {
    List(text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
}

/// Returns `true` if an address is anywhere in the headers that report one.
fn is_reported(headers: &HeaderMap, address: IpAddr) -> bool {
    let values = headers.get_all(FORWARDED_FOR).into_iter().chain(headers.get_all(FORWARDED));
    values.into_iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).replace('\\', "");
        text.split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':').any(|word| {
            // With a port, or without.
            [Some(word), word.split(':').next()]
                .into_iter()
                .flatten()
                .any(|word| word.parse().is_ok_and(|parsed: IpAddr| parsed.to_canonical() == address))
        })
    })
}

/// Returns `true` if a host, perhaps with a port, is that of an origin.
fn is_page_of(origin: &str, host: &str) -> bool {
    let (page, port) = match origin.split_once("://") {
        Some(("http", page)) => (page, ":80"),
        Some(("https", page)) => (page, ":443"),
        _ => return false,
    };
    let normal = |host: &str| {
        let host = host.trim().to_ascii_lowercase();
        host.strip_suffix(port).or(host.strip_suffix(':')).unwrap_or(&host).to_owned()
    };
    !without_port(page).is_empty() && normal(page) == normal(host)
}

fn without_port(host: &str) -> &str {
    let host = host.trim();
    host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(host, _)| host)
}
