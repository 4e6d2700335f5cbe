//! The reasons for which a request for a WebSocket is refused.
//!
//! The response has a status and a text, but browsers show pages neither. So a page that was refused tries again with the
//! query [`REFUSAL_QUERY`](parlour_core::address::REFUSAL_QUERY). Then the WebSocket is accepted, and closed at once with
//! the code of the reason. The hub does not learn of it.

use std::{io, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parlour_core::status::Status;
use thiserror::Error;
use tokio::{
    io::{AsyncWriteExt as _, copy, sink},
    time::timeout,
};

use crate::{
    conn::frame,
    http::{assets::plain, origin::OriginError},
};

/// The time after which a rejected client should retry, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";
/// The time that the peer has to answer the Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A reason for which a client may not open a WebSocket.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The page may not connect.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The server is shutting down.
    #[error("The server is stopping; try again later.")]
    Stopping,
    /// The server has as many connections as its settings allow.
    #[error("The server is full; try again later.")]
    ServerFull,
    /// The client's address has as many connections as the settings allow.
    #[error("There are too many connections from your network; try again later.")]
    TooManyConnections,
}

impl Refusal {
    /// The code with which a page learns the reason.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Origin(OriginError::Foreign) => Status::PageNotAllowed,
            Self::Origin(OriginError::MissingPort) => Status::PortRemoved,
            Self::Origin(OriginError::UnknownHost) => Status::HostNotServed,
            Self::Stopping => Status::ShuttingDown,
            Self::ServerFull => Status::ServerFull,
            Self::TooManyConnections => Status::TooManyConnections,
        }
    }

    /// The response to the request.
    #[must_use]
    pub fn response(self) -> Response<Body> {
        let status = match self {
            Self::Origin(_) => return plain(StatusCode::FORBIDDEN, format!("{self}\n")),
            Self::Stopping | Self::ServerFull => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
        };
        let mut response = plain(status, format!("{self}\n"));
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        response
    }

    /// Closes a WebSocket with the reason. Nothing else is sent, and whatever the client sends is discarded.
    pub async fn close(self, upgrade: OnUpgrade) {
        let Ok(upgraded) = upgrade.await else { return };
        let mut stream = TokioIo::new(upgraded);
        let closed = async {
            let status = self.status();
            stream.write_all(&frame::close(Some(status.code()), status.text())).await?;
            stream.shutdown().await?;
            // A socket that is dropped with unread input is reset, and the client might lose the Close.
            copy(&mut stream, &mut sink()).await?;
            Ok::<_, io::Error>(())
        };
        // On an error there is nobody to notify.
        let _ = timeout(CLOSE_TIMEOUT, closed).await;
    }
}
