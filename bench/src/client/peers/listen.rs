//! A listener for a server of the benchmark's own.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use anyhow::{Context, Result};

/// Listens on a port of the machine's choice; each connection is served on a thread of its own, which ends with it. The
/// listener ends with the program.
pub fn listen(serve: impl Fn(TcpStream) -> Result<()> + Send + Sync + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    let address = listener.local_addr()?;
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            // One that breaks off is gone, which is all there is to say of it.
            thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}
