//! HTTP: the accept loop, the routes, the page's files, and the origin check.

pub mod accept_errors;
pub mod acceptor;
pub mod assets;
pub mod listen;
pub mod origin;
pub mod routes;
