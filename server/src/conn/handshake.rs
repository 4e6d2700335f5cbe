//! The opening handshake (RFC 6455, 4.2). Implemented here because a WebSocket library would wrap the socket and
//! add its own buffers.

use axum::http::{
    HeaderMap, HeaderValue, Method, StatusCode, Version,
    header::{
        CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha1::{Digest as _, Sha1};
use thiserror::Error;

/// RFC 6455 appends this to the key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The reason why a request cannot become a WebSocket.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeError {
    /// The method is not GET.
    #[error("Open a WebSocket with GET.")]
    Method,
    /// An ordinary request.
    #[error("This is the address of a WebSocket; open the page at / instead.")]
    NotAnUpgrade,
    /// No Host, or several.
    #[error("Send exactly one Host header.")]
    Host,
    /// Another version than 13.
    #[error("Use version 13 of the WebSocket protocol.")]
    Version,
    /// The key is missing, not 16 bytes in base64, or there are several.
    #[error("Send one Sec-WebSocket-Key of 16 bytes in base64.")]
    Key,
}

impl HandshakeError {
    /// The status of the response.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAnUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Host | Self::Key => StatusCode::BAD_REQUEST,
        }
    }
}

/// Checks a request and returns the headers of the response (101).
///
/// # Errors
/// See [`HandshakeError`].
pub fn accept(method: &Method, version: Version, headers: &HeaderMap) -> Result<HeaderMap, HandshakeError> {
    if method != Method::GET {
        return Err(HandshakeError::Method);
    }
    let is_upgrade = has_token(headers, &CONNECTION, "upgrade") && has_token(headers, &UPGRADE, "websocket");
    if version != Version::HTTP_11 || !is_upgrade {
        return Err(HandshakeError::NotAnUpgrade);
    }
    once(headers, &HOST).ok_or(HandshakeError::Host)?;
    if once(headers, &SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(HandshakeError::Version);
    }
    let key = once(headers, &SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?;
    if BASE64.decode(key).map_err(|_| HandshakeError::Key)?.len() != 16 {
        return Err(HandshakeError::Key);
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let accept = HeaderValue::from_str(&BASE64.encode(digest)).map_err(|_| HandshakeError::Key)?;
    Ok(HeaderMap::from_iter([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ]))
}

/// The value of a header that occurs exactly once.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes().trim_ascii())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&'static str, &'static str)]) -> Result<HeaderMap, HandshakeError> {
        let mut headers = HeaderMap::new();
        let usual = [
            ("host", "server.example.com"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in usual.iter().chain(changes) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        accept(&Method::GET, Version::HTTP_11, &headers)
    }

    #[test]
    fn example_of_rfc_6455_is_accepted() {
        assert_eq!(request(&[]).unwrap()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn invalid_handshakes_are_refused() {
        assert_eq!(request(&[("upgrade", "h2c")]), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(request(&[("connection", "close")]), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(request(&[("sec-websocket-version", "8")]), Err(HandshakeError::Version));
        assert_eq!(request(&[("sec-websocket-key", "x")]), Err(HandshakeError::Key));
        assert_eq!(request(&[("sec-websocket-key", "c2hvcnQ=")]), Err(HandshakeError::Key));
        let none = HeaderMap::new();
        assert_eq!(accept(&Method::POST, Version::HTTP_11, &none), Err(HandshakeError::Method));
        assert_eq!(accept(&Method::GET, Version::HTTP_10, &none), Err(HandshakeError::NotAnUpgrade));
    }
}
