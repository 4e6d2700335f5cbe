//! A plain static web server for the bundle, under any path and with replaceable files. It can also stop, stop answering, ask
//! for a password, and deploy another build.

use std::{
    collections::HashMap,
    fs,
    io::{BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{environment::Environment, eventually::eventually, server::Server, socket::read_head};

/// A running static web server. Dropping it stops it.
#[derive(Debug)]
pub struct StaticHost {
    address: SocketAddr,
    path: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Files by path, without the leading slash.
    files: Mutex<HashMap<String, File>>,
    mode: Mutex<Mode>,
    /// The paths that were requested, without the leading slash.
    requested: Mutex<Vec<String>>,
}

/// A file, as it is served.
#[derive(Clone, Debug)]
struct File {
    status: &'static str,
    /// Header lines, each with its line break.
    headers: String,
    body: Vec<u8>,
}

impl File {
    /// A file of the bundle.
    fn new(name: &str, body: Vec<u8>) -> Self {
        let headers = format!("Content-Type: {}\r\nCache-Control: no-cache\r\n", content_type(name));
        Self { status: "200 OK", headers, body }
    }
}

/// The way in which requests are answered.
#[derive(Clone, Debug, Default)]
enum Mode {
    #[default]
    Normal,
    /// With 401, unless they have these credentials of basic authentication.
    Protected(String),
    /// Never. The connections stay open.
    Silent,
    /// Never. The connections are closed, and new ones are refused.
    Stopped,
}

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
        let shared = Arc::new(Shared { files: Mutex::new(files), ..Shared::default() });
        let served = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if served.is_stopped() {
                    return;
                }
                let served = served.clone();
                thread::spawn(move || stream.and_then(|stream| serve(&served, stream)));
            }
        });
        Self { address, path, shared }
    }

    /// Starts a server, to which the page connects.
    #[must_use]
    pub fn start_server(&self) -> Server {
        let server = Server::start_with(&["--allow-origin", &self.origin()]);
        self.put("config.json", format!(r#"{{ "server": "{}" }}"#, server.address()));
        server
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
        self.put_file(name, File::new(name, content.into()));
    }

    /// Replaces or adds a file that is served with this status and with these header lines.
    ///
    /// # Panics
    /// As [`Self::put`].
    pub fn put_response(&self, name: &str, status: &'static str, headers: &str, body: impl Into<Vec<u8>>) {
        self.put_file(name, File { status, headers: headers.into(), body: body.into() });
    }

    fn put_file(&self, name: &str, file: File) {
        self.shared.files.lock().unwrap().insert(format!("{}{name}", self.path), file);
    }

    /// Removes a file.
    ///
    /// # Panics
    /// As [`Self::put`].
    pub fn remove(&self, name: &str) {
        self.shared.files.lock().unwrap().remove(&format!("{}{name}", self.path));
    }

    /// The number of requests of a file so far.
    ///
    /// # Panics
    /// As [`Self::put`].
    #[must_use]
    pub fn requests_of(&self, name: &str) -> usize {
        let path = format!("{}{name}", self.path);
        self.shared.requested.lock().unwrap().iter().filter(|requested| **requested == path).count()
    }

    /// The current content of a file.
    ///
    /// # Panics
    /// If there is no such file.
    #[must_use]
    pub fn get(&self, name: &str) -> Vec<u8> {
        self.shared.files.lock().unwrap()[&format!("{}{name}", self.path)].body.clone()
    }

    /// Replaces the build by another one that does the same. The loader, the stylesheet and the parts have other names, and the
    /// page has a `<meta name=build>` with this content.
    ///
    /// # Panics
    /// If the bundle lacks one of them.
    pub fn deploy(&self, build: &str) {
        let mut page = String::from_utf8(self.get("index.html")).expect("a page");
        let hash = build.bytes().fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        for (beginning, ending) in
            [("boot-", ".js"), ("style-", ".css"), ("room-", ".wasm"), ("search-", ".wasm")]
        {
            let name = self.find_name(beginning, ending).expect("a file of the bundle");
            let renamed = format!("{beginning}{hash:016x}{ending}");
            assert!(page.contains(&name) && name != renamed, "{name} is a part of the page");
            page = page.replace(&name, &renamed);
            self.put(&renamed, self.get(&name));
            self.remove(&name);
        }
        // Before the mark of an earlier deployment.
        let (before, after) = page.split_once("<meta charset=utf-8>").expect("the encoding");
        let mark = format!("<meta charset=utf-8><meta name=build content={build}>");
        self.put("index.html", format!("{before}{mark}{after}"));
    }

    /// Asks for a name and a password from now on, by basic authentication.
    pub fn protect(&self, name: &str, password: &str) {
        self.shared.set_mode(Mode::Protected(STANDARD.encode(format!("{name}:{password}"))));
    }

    /// Accepts requests from now on, and never answers them.
    pub fn hang(&self) {
        self.shared.set_mode(Mode::Silent);
    }

    /// Closes all connections, and refuses new ones.
    ///
    /// # Panics
    /// If it still accepts connections after a while.
    pub async fn stop(&self) {
        self.shared.set_mode(Mode::Stopped);
        eventually("the host has stopped", async || match TcpStream::connect(self.address) {
            // The first one unblocks the listening thread, which then ends.
            Ok(_) => Err("it accepts connections".into()),
            Err(_) => Ok(()),
        })
        .await;
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
        let files = self.shared.files.lock().unwrap();
        let mut names = files.keys().filter_map(|name| name.strip_prefix(&self.path));
        names.find(|name| name.starts_with(beginning) && name.ends_with(ending)).map(str::to_owned)
    }

    /// The name of the only file with this ending.
    ///
    /// # Panics
    /// If there is none, or more than one.
    #[must_use]
    pub fn only_file(&self, ending: &str) -> String {
        let files = self.shared.files.lock().unwrap();
        let found: Vec<_> = files.keys().filter(|name| name.ends_with(ending)).collect();
        let [only] = found[..] else { panic!("one {ending} in the bundle, not {found:?}") };
        only.strip_prefix(&self.path).unwrap().to_owned()
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        self.shared.set_mode(Mode::Stopped);
        // Unblocks the listening thread, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        self.mode.lock().unwrap().clone()
    }

    fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn is_stopped(&self) -> bool {
        matches!(self.mode(), Mode::Stopped)
    }

    /// The response to a request, unless there is none.
    fn response(&self, head: &[String]) -> Option<File> {
        let file =
            |status, headers: &str, body: &str| File { status, headers: headers.into(), body: body.into() };
        match self.mode() {
            Mode::Normal => {}
            Mode::Protected(credentials) => {
                let authorised = |line: &String| {
                    let (name, value) = line.split_once(": Basic ").unwrap_or_default();
                    name.eq_ignore_ascii_case("authorization") && value.trim() == credentials
                };
                if !head.iter().any(authorised) {
                    let challenge = "WWW-Authenticate: Basic realm=\"chat\"\r\n";
                    return Some(file("401 Unauthorized", challenge, "Who are you?"));
                }
            }
            Mode::Silent | Mode::Stopped => return None,
        }
        let path = head[0].split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let name =
            if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.into() };
        self.requested.lock().unwrap().push(name.clone());
        let missing = || file("404 Not Found", "Cache-Control: no-cache\r\n", "There is no such file.");
        Some(self.files.lock().unwrap().get(&name).cloned().unwrap_or_else(missing))
    }
}

fn collect_files(folder: &Path, prefix: &str, files: &mut HashMap<String, File>) {
    for entry in fs::read_dir(folder).expect("list the bundle") {
        let path = entry.expect("list the bundle").path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            collect_files(&path, &format!("{name}/"), files);
        } else {
            let file = File::new(&name, fs::read(&path).expect("read the bundle"));
            files.insert(name, file);
        }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?);
    loop {
        let head = read_head(&mut requests)?;
        if shared.is_stopped() {
            return Ok(());
        }
        let Some(File { status, headers, body }) = shared.response(&head) else { continue };
        write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(&body)?;
    }
}
