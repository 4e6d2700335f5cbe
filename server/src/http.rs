//! HTTP: the accept loop, the routes, the page's files, and the origin check.

pub mod acceptor;
pub mod assets;
pub mod origin;
pub mod routes;
