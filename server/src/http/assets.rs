//! The page's files: built into the binary, or in a directory.

mod path;

use std::{
    io,
    path::{Path, PathBuf},
};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Response, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, VARY,
        },
    },
};
use bytes::Bytes;
use sha1::{Digest as _, Sha1};

/// The response to `/` if there is no page.
const NO_PAGE: &str = "This server was built without its page; build it with `cargo xtask dist`, or set the \
                       directory of a built page with --assets.\n";

/// Encodings of compressed files, best first: token and file suffix.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Built;

/// The source of the page's files.
#[derive(Debug, Clone)]
pub struct Assets {
    directory: Option<PathBuf>,
    page_config: Option<PathBuf>,
}

impl Assets {
    /// The files in `directory`, or without it those in the binary. `page_config` is a file to serve as
    /// `/config.json`.
    ///
    /// # Errors
    /// The directory does not exist, or the file cannot be read.
    pub fn new(directory: Option<&Path>, page_config: Option<&Path>) -> io::Result<Self> {
        if let Some(file) = page_config {
            std::fs::File::open(file)?;
        }
        Ok(Self {
            directory: directory.map(Path::canonicalize).transpose()?,
            page_config: page_config.map(Path::to_owned),
        })
    }

    /// Responds to a GET or HEAD for a path as in the request, with escapes.
    #[must_use]
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        let Some(name) = path::clean(path) else {
            return plain(StatusCode::BAD_REQUEST, "This address is invalid.\n");
        };
        let name = if name.is_empty() { "index.html" } else { &name };
        if name.starts_with('.') || name.contains("/.") || name.ends_with('/') {
            return plain(StatusCode::NOT_FOUND, "There is no such page.\n");
        }
        let found = ENCODINGS
            .into_iter()
            .filter(|(token, _)| accepts(headers, token))
            .find_map(|(token, suffix)| Some((Some(token), self.read(&format!("{name}{suffix}"))?)))
            .or_else(|| Some((None, self.read(name)?)));
        match found {
            Some((encoding, content)) => file(name, encoding, content, headers),
            None if name == "index.html" => plain(StatusCode::OK, NO_PAGE),
            None => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
        }
    }

    fn read(&self, name: &str) -> Option<Bytes> {
        if let Some(file) = &self.page_config
            && let Some(suffix) = name.strip_prefix("config.json")
        {
            // Compressed variants in the directory belong to the file that is replaced.
            return if suffix.is_empty() { std::fs::read(file).ok().map(Bytes::from) } else { None };
        }
        match &self.directory {
            Some(directory) => {
                // A symbolic link may lead outside the directory; only files inside are served.
                let file = directory.join(name).canonicalize().ok()?;
                if !file.starts_with(directory) || !file.is_file() {
                    return None;
                }
                std::fs::read(file).ok().map(Bytes::from)
            }
            None => built_in(name),
        }
    }
}

#[cfg(feature = "embed")]
fn built_in(name: &str) -> Option<Bytes> {
    Some(match Built::get(name)?.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    })
}

#[cfg(not(feature = "embed"))]
fn built_in(_name: &str) -> Option<Bytes> {
    None
}

fn file(name: &str, encoding: Option<&'static str>, content: Bytes, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(path::content_type(name)));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    let cache = if path::is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    // Identifies the content; not for security.
    let tag: String = Sha1::digest(&content)[..10].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}{}\"", encoding.unwrap_or_default());
    let fresh = request.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).any(|list| {
        list.split(',')
            .map(|entry| entry.trim().trim_start_matches("W/"))
            .any(|entry| entry == tag || entry == "*")
    });
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CONTENT_LENGTH, content.len().into());
    *response.body_mut() = content.into();
    response
}

/// Returns `true` if the client accepts an encoding.
fn accepts(headers: &HeaderMap, token: &str) -> bool {
    headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(token));
            let refused = parts
                .filter_map(|part| part.strip_prefix("q="))
                .any(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0));
            named && !refused
        })
    })
}

/// A response of one line of text.
#[must_use]
pub fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
