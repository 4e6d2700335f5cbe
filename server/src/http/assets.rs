//! The page's files: built into the binary, or in a directory.

mod path;
mod tags;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Response, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, RETRY_AFTER, VARY,
        },
    },
};
use bytes::Bytes;

use self::tags::Tags;

/// The response to `/` if there is no page.
const NO_PAGE: &str = "This server was built without its page; build it with `cargo xtask dist`, or set the \
                       directory of a built page with --assets.\n";

/// The response for a file that exists and cannot be read. It must not look as if the page had no such file.
const UNREADABLE: &str = "The server can't read this file now; try again later.\n";
/// The seconds after which the client should try again then.
const RETRY_AFTER_SECONDS: &str = "5";

/// Encodings of compressed files, best first: token and file suffix.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Built;

/// The source of the page's files.
#[derive(Debug)]
pub struct Assets {
    directory: Option<PathBuf>,
    page_config: Option<PathBuf>,
    tags: Tags,
    /// A file could not be read, and that was logged.
    is_failure_logged: AtomicBool,
}

/// A file of the page.
struct File {
    content: Bytes,
    /// Identifies the content.
    tag: Arc<str>,
}

impl Assets {
    /// The files in `directory`, or without it those in the binary. `page_config` is a file to serve as
    /// `/config.json`.
    ///
    /// # Errors
    /// The directory does not exist, or the file cannot be read.
    pub fn new(directory: Option<&Path>, page_config: Option<&Path>) -> io::Result<Self> {
        if let Some(file) = page_config {
            fs::File::open(file)?;
        }
        Ok(Self {
            directory: directory.map(Path::canonicalize).transpose()?,
            page_config: page_config.map(Path::to_owned),
            tags: Tags::default(),
            is_failure_logged: AtomicBool::new(false),
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
        match self.find(name, headers) {
            Ok(Some((encoding, found))) => file(name, encoding, &found, headers),
            Ok(None) if name == "index.html" => plain(StatusCode::OK, NO_PAGE),
            Ok(None) => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
            Err(error) => {
                if !self.is_failure_logged.swap(true, Relaxed) {
                    tracing::error!(%error, name, "a file of the page can't be read (logged once)");
                }
                let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, UNREADABLE);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
                response
            }
        }
    }

    /// The best variant of a file that the client accepts, and its encoding.
    fn find(&self, name: &str, headers: &HeaderMap) -> io::Result<Option<(Option<&'static str>, File)>> {
        for (token, suffix) in ENCODINGS.into_iter().filter(|(token, _)| accepts(headers, token)) {
            if let Some(found) = self.read(&format!("{name}{suffix}"))? {
                return Ok(Some((Some(token), found)));
            }
        }
        Ok(self.read(name)?.map(|found| (None, found)))
    }

    fn read(&self, name: &str) -> io::Result<Option<File>> {
        if let Some(file) = &self.page_config
            && let Some(suffix) = name.strip_prefix("config.json")
        {
            // Compressed variants in the directory belong to the file that is replaced.
            return if suffix.is_empty() { self.read_file(file) } else { Ok(None) };
        }
        let Some(directory) = &self.directory else { return Ok(built_in(name)) };
        // A symbolic link may lead outside the directory; only files inside are served.
        match if_exists(directory.join(name).canonicalize())? {
            Some(file) if file.starts_with(directory) => self.read_file(&file),
            _ => Ok(None),
        }
    }

    fn read_file(&self, path: &Path) -> io::Result<Option<File>> {
        let Some(file) = if_exists(fs::metadata(path))?.filter(fs::Metadata::is_file) else {
            return Ok(None);
        };
        let content = if_exists(fs::read(path))?.map(Bytes::from);
        Ok(content.map(|content| File { tag: self.tags.get(path, &file, &content), content }))
    }
}

/// `None` if the error says that there is no such file.
fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(feature = "embed")]
fn built_in(name: &str) -> Option<File> {
    let built = Built::get(name)?;
    let content = match built.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    // Computed when the program was built.
    Some(File { content, tag: tags::hex(&built.metadata.sha256_hash()).into() })
}

#[cfg(not(feature = "embed"))]
fn built_in(_name: &str) -> Option<File> {
    None
}

fn file(name: &str, encoding: Option<&'static str>, found: &File, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(path::content_type(name)));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    let cache = if path::is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    let tag = format!("\"{}{}\"", found.tag, encoding.unwrap_or_default());
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
    headers.insert(CONTENT_LENGTH, found.content.len().into());
    *response.body_mut() = found.content.clone().into();
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
