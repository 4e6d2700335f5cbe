//! The page, the routes, and the origin check.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod common;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use common::{Client, PATIENCE, Socket, TestServer, eventually, undisturbed};
use parlour_server::config::{List, Span};

/// A response: status, headers in lower case, body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, v)| v))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer") + 4;
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: all[end..].to_vec() }
}

fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"))
}

/// A directory with a page, removed when dropped.
struct Page(PathBuf);

impl Page {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("parlour-{name}-{}", std::process::id()));
        let page = directory.join("page");
        std::fs::create_dir_all(page.join("i18n")).unwrap();
        for (name, content) in [
            ("index.html", "<!doctype html>"),
            ("config.json", "{\"from\":\"page\"}"),
            ("manifest.webmanifest", "{}"),
            ("parlour-client-0123456789abcdef.js", "plain();"),
            ("parlour-client-0123456789abcdef.js.br", "BROTLI"),
            ("parlour-client-0123456789abcdef.js.gz", "GZIP"),
            ("parlour-client-0123456789abcdef_bg.wasm", "\0asm"),
            ("main-0123456789abcdef.css", "body{}"),
            ("i18n/zh.json", "{}"),
            (".hidden", "secret"),
        ] {
            std::fs::write(page.join(name), content).unwrap();
        }
        std::fs::write(directory.join("secret.txt"), "secret").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(directory.join("secret.txt"), page.join("link.txt")).unwrap();
        Self(directory)
    }

    fn server(&self) -> TestServer {
        TestServer::with(|config| config.assets = self.0.join("page").into())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_have_content_type_and_cache_headers() {
    let page = Page::new("kinds");
    let server = page.server();
    let forever = "public, max-age=31536000, immutable";
    for (path, kind, cache) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/config.json", "application/json", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/i18n/zh.json?v=1", "application/json", "no-cache"),
        ("/parlour-client-0123456789abcdef.js", "text/javascript; charset=utf-8", forever),
        ("/parlour-client-0123456789abcdef_bg.wasm", "application/wasm", forever),
        ("/main-0123456789abcdef.css", "text/css; charset=utf-8", forever),
    ] {
        let answer = get(server.address, path, "");
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.header("cache-control")),
            (200, Some(kind), Some(cache)),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
    }
    // Unchanged files are not sent again.
    let tag = get(server.address, "/", "").header("etag").unwrap().to_owned();
    let again = get(server.address, "/", &format!("If-None-Match: W/\"x\", {tag}\r\n"));
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(&*tag)));
    assert_eq!(get(server.address, "/", "If-None-Match: \"x\"\r\n").status, 200);
}

#[test]
fn files_are_sent_compressed_if_accepted() {
    let page = Page::new("encodings");
    let server = page.server();
    let path = "/parlour-client-0123456789abcdef.js";
    for (accept, body, encoding) in [
        ("gzip, deflate, br", "BROTLI", Some("br")),
        ("br;q=1.0, gzip;q=0.5", "BROTLI", Some("br")),
        ("gzip", "GZIP", Some("gzip")),
        ("gzip;q=1, br;q=0", "GZIP", Some("gzip")),
        ("identity", "plain();", None),
        ("brotli", "plain();", None),
    ] {
        let answer = get(server.address, path, &format!("Accept-Encoding: {accept}\r\n"));
        assert_eq!((answer.text(), answer.header("content-encoding")), (body, encoding), "{accept}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
    let head = ask(server.address, &format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("8")));
}

#[test]
fn only_files_of_the_page_are_served() {
    let page = Page::new("outside");
    let server = page.server();
    undisturbed(&server, || {
        for path in [
            "/../secret.txt",
            "/i18n/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/%2E%2E%2Fsecret.txt",
            "/..%2fsecret.txt",
            "/.%2e/secret.txt",
            "/%252e%252e/secret.txt",
            "/..%5csecret.txt",
            "/..\\secret.txt",
            "/i18n/..%c0%af..%c0%afsecret.txt",
            "//secret.txt",
            "/%2fetc/passwd",
            "/index.html%00.txt",
            "/link.txt",
            "/.hidden",
            "/i18n",
            "/i18n/",
            "/nothing",
            "/index.html/x",
            "/%",
            "/%zz",
        ] {
            let answer = get(server.address, path, "");
            assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
            assert!(!answer.text().contains("secret"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            let request =
                format!("{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            let answer = ask(server.address, &request);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head")), "{method}");
        }
    });
}

#[test]
fn huge_and_malformed_requests_are_refused() {
    let server = TestServer::with(|config| config.header_timeout = Span::seconds(3));
    undisturbed(&server, || {
        let huge = format!("X-Huge: {}\r\n", "x".repeat(64 * 1024));
        assert_eq!(get(server.address, "/", &huge).status, 431);
        let many: String = (0..5000).map(|n| format!("X-{n}: x\r\n")).collect();
        assert_eq!(get(server.address, "/", &many).status, 431);
        let long = format!("/{}", "x".repeat(100_000));
        assert!(matches!(get(server.address, &long, "").status, 414 | 431));
        assert_eq!(ask(server.address, "HELLO\r\n\r\n").status, 400);
        // Headers that never end.
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let begun = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(begun.elapsed() < PATIENCE - Duration::from_secs(1));
    });
}

#[test]
fn missing_page_is_explained() {
    let config = std::env::temp_dir().join(format!("parlour-config-{}.json", std::process::id()));
    std::fs::write(&config, "{\"from\":\"file\"}").unwrap();
    let server = TestServer::with(|c| c.page_config = config.clone().into());
    let answer = get(server.address, "/", "");
    assert_eq!(answer.status, 200);
    if cfg!(not(feature = "embed")) {
        assert!(answer.text().contains("cargo xtask dist"), "{}", answer.text());
    }
    assert_eq!(get(server.address, "/config.json", "Accept-Encoding: br\r\n").text(), "{\"from\":\"file\"}");
    assert_eq!(get(server.address, "/healthz", "").text(), "ok\n");
    std::fs::remove_file(&config).unwrap();
    assert_eq!(get(server.address, "/config.json", "").status, 404);
}

#[test]
fn page_config_can_be_replaced() {
    let page = Page::new("settings");
    let file = page.0.join("other.json");
    std::fs::write(&file, "{\"from\":\"file\"}").unwrap();
    assert_eq!(get(page.server().address, "/config.json", "").text(), "{\"from\":\"page\"}");
    let server = TestServer::with(|config| {
        config.assets = page.0.join("page").into();
        config.page_config = file.clone().into();
    });
    assert_eq!(get(server.address, "/config.json", "").text(), "{\"from\":\"file\"}");
}

/// A file that exists is not reported as missing: the browser would take the page for an outdated one.
#[cfg(unix)]
#[test]
fn file_that_cannot_be_read_is_temporarily_unavailable() {
    use std::os::unix::fs::symlink;
    let page = Page::new("unreadable");
    let script = "main-0123456789abcdef.js";
    // A link to itself cannot be resolved, whoever asks.
    for name in ["index.html", script] {
        let _ = std::fs::remove_file(page.0.join("page").join(name));
        symlink(page.0.join("page").join(name), page.0.join("page").join(name)).unwrap();
    }
    let server = page.server();
    for path in ["/", "/index.html", &format!("/{script}")] {
        let answer = get(server.address, path, "");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
    }
    assert_eq!(get(server.address, "/nothing.js", "").status, 404);
    assert_eq!(get(server.address, &format!("/{}", "x".repeat(5_000)), "").status, 404);
}

#[test]
fn only_allowed_origins_may_connect() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let own = format!("Origin: http://{}\r\n", server.address);
        assert!(Socket::open(server.address, &own).is_ok());
        assert!(Socket::open(server.address, "").is_ok(), "no browser");
        for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"] {
            let refused = Socket::open(server.address, &format!("Origin: {origin}\r\n")).unwrap_err();
            assert!(refused.to_string().contains(" 403 "), "{origin}: {refused}");
        }
        let forwarded = "Origin: http://chat.example\r\nX-Forwarded-Host: chat.example\r\n";
        assert!(Socket::open(server.address, forwarded).is_err(), "no proxy is trusted");
    });
    let server = TestServer::with(|config| {
        config.allow_origin = List(vec!["https://page.example".into()]);
        config.trust_proxy = true;
    });
    assert!(Socket::open(server.address, "Origin: https://page.example\r\n").is_ok());
    assert!(Socket::open(server.address, "Origin: https://other.example\r\n").is_err());
    let forwarded = "Origin: http://chat.example\r\nX-Forwarded-Host: chat.example\r\n";
    assert!(Socket::open(server.address, forwarded).is_ok());
}

#[test]
fn invalid_handshake_is_refused_with_reason() {
    let server = TestServer::start();
    let plain = get(server.address, "/ws", "");
    assert_eq!((plain.status, plain.header("sec-websocket-version")), (426, Some("13")));
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n";
    let old = format!(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 8\r\n{upgrade}\r\n"
    );
    assert_eq!(ask(server.address, &old).status, 426);
    let post = "POST /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(ask(server.address, post).status, 405);
}

#[test]
fn frames_may_follow_the_handshake_at_once() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut bytes = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server.address
    )
    .into_bytes();
    // userName "tom", type "talk", masked with zeros.
    bytes.extend([0x81, 0x80 | 11, 0, 0, 0, 0]);
    bytes.extend(b"\x0A\x03tom\x12\x04talk");
    stream.write_all(&bytes).unwrap();
    eventually("tom is logged in", || server.members() == 1);
    let client = Client::login(server.address, "lili");
    drop(client);
}
