//! Real reverse proxies, nginx and Caddy, with the configurations that the README shows.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{environment::Environment, eventually::eventually_within};

/// The domain in the README.
const DOMAIN: &str = "chat.example.org";
/// The server's address in the README.
const SERVER: &str = "127.0.0.1:8080";
/// The time that a proxy has to start.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A configuration in the README.
#[derive(Clone, Debug)]
pub struct Example {
    /// `nginx` or `caddyfile`.
    pub language: String,
    /// The text.
    pub text: String,
}

impl Example {
    /// The README's code blocks in a language.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn all(language: &str) -> Vec<Self> {
        let readme = fs::read_to_string(Environment::checkout().join("README.md")).expect("read README.md");
        let fence = format!("```{language}\n");
        let blocks = readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        let examples: Vec<_> = blocks.map(|text| Self { language: language.into(), text }).collect();
        assert!(!examples.is_empty(), "README.md has no block of {language}");
        examples
    }

    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> &'static str {
        if self.text.contains("/chat/") { "/chat/" } else { "/" }
    }

    /// The text with parts replaced that differ in a test. Each of them must be in the text.
    fn replace<const N: usize>(&self, parts: [(&str, String); N]) -> String {
        parts.iter().fold(self.text.clone(), |text, (part, replacement)| {
            assert!(text.contains(part), "the example does not contain {part:?}:\n{text}");
            text.replace(part, replacement)
        })
    }
}

/// A certificate for the README's domain and for the local machine, signed by itself, in a folder that is deleted with it.
#[derive(Debug)]
pub struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes one with openssl.
    ///
    /// # Panics
    /// If openssl fails.
    #[must_use]
    pub fn new() -> Self {
        let certificate = Self { folder: new_folder() };
        let made = Command::new(Environment::program("PARLOUR_OPENSSL"))
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", &format!("/CN={DOMAIN}")])
            .args(["-addext", &format!("subjectAltName=DNS:{DOMAIN},DNS:localhost,IP:127.0.0.1")])
            .arg("-out")
            .arg(certificate.file())
            .arg("-keyout")
            .arg(certificate.key())
            .output()
            .expect("start openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        certificate
    }

    /// Arguments with which Chromium trusts this certificate, and finds the domain on this machine.
    ///
    /// # Panics
    /// If openssl fails.
    #[must_use]
    pub fn browser_arguments(&self) -> [String; 2] {
        let key = Command::new(Environment::program("PARLOUR_OPENSSL"))
            .args(["x509", "-noout", "-pubkey", "-in"])
            .arg(self.file())
            .output()
            .expect("start openssl");
        let pem = String::from_utf8(key.stdout).expect("PEM is text");
        let key: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let hash = STANDARD.encode(Sha256::digest(STANDARD.decode(key).expect("a public key in base64")));
        [
            format!("--ignore-certificate-errors-spki-list={hash}"),
            format!("--host-resolver-rules=MAP {DOMAIN} 127.0.0.1"),
        ]
    }

    fn file(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct ReverseProxy {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl ReverseProxy {
    /// Runs an example in front of a server at `host:port`, on a free port instead of 443. `change` may change the
    /// configuration.
    ///
    /// # Panics
    /// If the proxy does not start.
    pub async fn start(
        example: &Example,
        server: &str,
        certificate: &Certificate,
        change: impl FnOnce(String) -> String,
    ) -> Self {
        let folder = new_folder();
        // If another process takes the port, the proxy exits with an error.
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let mut command = match example.language.as_str() {
            "nginx" => nginx(&folder, &change(nginx_text(example, address, server, certificate))),
            "caddyfile" => caddy(&folder, &change(caddy_text(example, address, server, certificate))),
            other => panic!("there is no proxy for {other}"),
        };
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start a proxy");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (errors, lines) = (process.stderr.take().expect("stderr is piped"), log.clone());
        thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut proxy = Self { process, address, folder, log };
        eventually_within(READY_WITHIN, "the proxy listens", async || {
            if let Some(status) = proxy.process.try_wait().expect("query the state of the proxy") {
                panic!("the proxy ended: {status}");
            }
            TcpStream::connect(proxy.address).map(drop).map_err(|error| error.to_string())
        })
        .await;
        proxy
    }

    /// The URL of a path under the README's domain.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://{DOMAIN}:{}{path}", self.address.port())
    }

    /// The URL of a path under the address of this machine.
    #[must_use]
    pub fn local_url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
        if thread::panicking() {
            eprintln!("output of the proxy:\n{}", self.log.lock().unwrap().join("\n"));
        }
    }
}

fn nginx_text(example: &Example, address: SocketAddr, server: &str, certificate: &Certificate) -> String {
    let (file, key) = (certificate.file(), certificate.key());
    example.replace([
        ("listen 443 ssl;", format!("listen {address} ssl;")),
        (
            "# ssl_certificate ...; ssl_certificate_key ...;",
            format!("ssl_certificate {}; ssl_certificate_key {};", file.display(), key.display()),
        ),
        (SERVER, server.to_owned()),
    ])
}

/// Runs nginx in one process, with all of its files in a folder.
fn nginx(folder: &Path, server: &str) -> Command {
    let here = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}/{name};\n"))
        .concat();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
         {temporary}{server}}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).expect("write the configuration");
    let mut command = Command::new(Environment::program("PARLOUR_NGINX"));
    command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
    command
}

fn caddy_text(example: &Example, address: SocketAddr, server: &str, certificate: &Certificate) -> String {
    let (file, key) = (certificate.file(), certificate.key());
    let site = format!(
        "https://{DOMAIN}:{} {{\n    bind {}\n    tls {} {}",
        address.port(),
        address.ip(),
        file.display(),
        key.display()
    );
    example.replace([(&format!("{DOMAIN} {{"), site), (SERVER, server.to_owned())])
}

/// Runs Caddy without its administration port, with all of its files in a folder.
fn caddy(folder: &Path, site: &str) -> Command {
    let file = folder.join("Caddyfile");
    let text = format!("{{\n    admin off\n    auto_https disable_redirects\n}}\n\n{site}");
    fs::write(&file, text).expect("write the configuration");
    let mut command = Command::new(Environment::program("PARLOUR_CADDY"));
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command
}

fn new_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("parlour-e2e-proxy-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("create a folder");
    folder
}
