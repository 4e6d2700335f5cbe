//! The development set-up of the README: `trunk serve` with our server behind its proxy.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use parlour_e2e::{Environment, Server, browser_test, eventually_within};

/// The time that Trunk has to serve the page, which has been built before.
const READY_WITHIN: Duration = Duration::from_secs(100);

/// A running `trunk serve`.
struct Trunk {
    process: Child,
    address: SocketAddr,
}

impl Trunk {
    /// Serves the page with the repository's Trunk.toml, changed to the given server's address, because Trunk has no
    /// argument that overrides a proxy of its configuration.
    fn serve(server: &str) -> Self {
        let [folder, checkout] = [Environment::target("trunk-serve"), Environment::checkout()];
        let settings = fs::read_to_string(checkout.join("Trunk.toml")).expect("read Trunk.toml");
        let lines = settings.lines().map(|line| match line.split_once(" = ") {
            // Relative to the configuration file.
            Some(("target", name)) => {
                format!("target = {:?}", checkout.join(name.trim_matches('"')))
            }
            // Nothing is to be rebuilt during the test.
            Some(("ignore", _)) => format!("ignore = [{checkout:?}]"),
            Some(("backend", url)) => {
                assert!(url.contains("//127.0.0.1:8080/"), "the README's server: {url}");
                format!("backend = {}", url.replace("127.0.0.1:8080", server))
            }
            _ => line.to_owned(),
        });
        let config = folder.join("Trunk.toml");
        fs::write(&config, lines.collect::<Vec<_>>().join("\n")).expect("write the configuration");

        // Trunk does not report a port chosen by the system. If another process takes this one, Trunk exits with an error.
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let program = std::env::var_os("PARLOUR_TRUNK").unwrap_or_else(|| "trunk".into());
        let process = Command::new(program)
            .args(["serve", "--release", "--no-autoreload", "--offline"])
            .arg("--config")
            .arg(config)
            .arg("--dist")
            .arg(folder.join("dist"))
            .args(["--port", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("start Trunk (cargo xtask test installs it)");
        Self { process, address }
    }

    async fn until_ready(&mut self) {
        eventually_within(READY_WITHIN, "Trunk serves the page", async || {
            if let Some(status) = self.process.try_wait().expect("query the state of Trunk") {
                panic!("trunk serve ended: {status}");
            }
            TcpStream::connect(self.address).map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

impl Drop for Trunk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn chat_works_through_trunk_serve_and_its_proxy() {
    browser_test("chat_works_through_trunk_serve_and_its_proxy", async |test| {
        let server = Server::start_with(&["--trust-proxy"]);
        let mut trunk = Trunk::serve(server.address());
        trunk.until_ready().await;
        let tom = test.open("tom", &format!("http://{}/", trunk.address)).await;
        tom.log_in("tom").await;
        tom.send_and_wait("hot off the press").await;
    });
}
