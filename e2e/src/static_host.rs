//! A plain static web server for the bundle, under any path and with replaceable files.

use std::{
    collections::HashMap,
    fs,
    io::{BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{environment::Environment, socket::read_head};

/// A running static web server. Dropping it stops it.
#[derive(Debug)]
pub struct StaticHost {
    address: SocketAddr,
    path: String,
    files: Shared,
    closed: Arc<AtomicBool>,
}

/// Content by path, without the leading slash.
type Shared = Arc<Mutex<HashMap<String, Vec<u8>>>>;

impl StaticHost {
    /// Serves a copy of the bundle under a path such as `/some/sub/path/`.
    ///
    /// # Panics
    /// If the bundle cannot be read or no port is free.
    #[must_use]
    pub fn serve(path: &str) -> Self {
        let mut files = HashMap::new();
        let path = path.trim_start_matches('/').to_owned();
        collect_files(&Environment::read().dist, &path, &mut files);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let files = Arc::new(Mutex::new(files));
        let closed = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (files.clone(), closed.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = shared.clone();
                thread::spawn(move || stream.and_then(|stream| serve(&shared, stream)));
            }
        });
        Self { address, path, files, closed }
    }

    /// `http://host:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.origin(), self.path)
    }

    /// Replaces or adds a file.
    ///
    /// # Panics
    /// If a serving thread panicked.
    pub fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(format!("{}{name}", self.path), content.into());
    }

    /// Removes a file.
    ///
    /// # Panics
    /// As [`Self::put`].
    pub fn remove(&self, name: &str) {
        self.files.lock().unwrap().remove(&format!("{}{name}", self.path));
    }

    /// The current content of a file.
    ///
    /// # Panics
    /// If there is no such file.
    #[must_use]
    pub fn get(&self, name: &str) -> Vec<u8> {
        self.files.lock().unwrap()[&format!("{}{name}", self.path)].clone()
    }

    /// The name of the lazily loaded room module.
    ///
    /// # Panics
    /// If the bundle is a single module, as Trunk builds it without `cargo xtask`.
    #[must_use]
    pub fn room_module(&self) -> String {
        self.part("room")
    }

    /// The name of the module of a lazily loaded part.
    ///
    /// # Panics
    /// If the bundle has no such part: Trunk builds a single module without `cargo xtask`.
    #[must_use]
    pub fn part(&self, name: &str) -> String {
        let module = self.find_name(&format!("{name}-"), ".wasm");
        module.expect("a module apart from the login page, as `cargo xtask dist` builds it")
    }

    /// The name of the loader script.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn loader(&self) -> String {
        self.find_name("boot-", ".js").expect("a loader in the bundle")
    }

    fn find_name(&self, beginning: &str, ending: &str) -> Option<String> {
        let files = self.files.lock().unwrap();
        let mut names = files.keys().filter_map(|name| name.strip_prefix(&self.path));
        names.find(|name| name.starts_with(beginning) && name.ends_with(ending)).map(str::to_owned)
    }

    /// The name of the only file with this ending.
    ///
    /// # Panics
    /// If there is none, or more than one.
    #[must_use]
    pub fn only_file(&self, ending: &str) -> String {
        let files = self.files.lock().unwrap();
        let found: Vec<_> = files.keys().filter(|name| name.ends_with(ending)).collect();
        let [only] = found[..] else { panic!("one {ending} in the bundle, not {found:?}") };
        only.strip_prefix(&self.path).unwrap().to_owned()
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Unblocks the listening thread so that it sees `closed`.
        let _ = TcpStream::connect(self.address);
    }
}

fn collect_files(folder: &Path, prefix: &str, files: &mut HashMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("list the bundle") {
        let path = entry.expect("list the bundle").path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            collect_files(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(&path).expect("read the bundle"));
        }
    }
}

fn serve(files: &Mutex<HashMap<String, Vec<u8>>>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?);
    loop {
        let head = read_head(&mut requests)?;
        let path = head[0].split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let name =
            if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.into() };
        let content = files.lock().unwrap().get(&name).cloned();
        let (status, body) = match content {
            Some(content) => ("200 OK", content),
            None => ("404 Not Found", b"There is no such file.".to_vec()),
        };
        let kind = match name.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript",
            "css" => "text/css",
            "wasm" => "application/wasm",
            "json" => "application/json",
            "webmanifest" => "application/manifest+json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            _ => "application/octet-stream",
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body)?;
    }
}
