//! HTTP: the accept loop, the routes, the page's files, reverse proxies, and the check of hosts and origins.

pub mod accept_errors;
pub mod acceptor;
pub mod assets;
pub mod forwarded;
pub mod host;
pub mod listen;
pub mod origin;
pub mod refusal;
pub mod refusal_log;
pub mod routes;
