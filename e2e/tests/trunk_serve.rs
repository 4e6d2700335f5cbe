//! What the README says about working on the page: `trunk serve` beside a server that knows of it.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use parlour_e2e::{Environment, Server, eventually_within, stage};

/// How long Trunk may take to have the page ready, which it has built before.
const READY_WITHIN: Duration = Duration::from_secs(100);

/// A running `trunk serve`.
struct Trunk {
    process: Child,
    address: SocketAddr,
}

impl Trunk {
    /// Serves the page with the checkout's own settings, but for a server at another address: Trunk has no argument that
    /// takes the place of a proxy in its settings.
    fn serve(server: &str) -> Self {
        let [folder, checkout] = [Environment::target("trunk-serve"), Environment::checkout()];
        let settings = fs::read_to_string(checkout.join("Trunk.toml")).expect("Trunk's settings");
        let lines = settings.lines().map(|line| match line.split_once(" = ") {
            // Relative to where the settings are.
            Some(("target", name)) => {
                format!("target = {:?}", checkout.join(name.trim_matches('"')))
            }
            // Nothing is to be built again while this runs.
            Some(("ignore", _)) => format!("ignore = [{checkout:?}]"),
            Some(("backend", url)) => {
                assert!(url.contains("//127.0.0.1:8080/"), "the README's server: {url}");
                format!("backend = {}", url.replace("127.0.0.1:8080", server))
            }
            _ => line.to_owned(),
        });
        let config = folder.join("Trunk.toml");
        fs::write(&config, lines.collect::<Vec<_>>().join("\n")).expect("a folder for settings");

        // Trunk can't tell which port it was given. Should another take this one meanwhile, Trunk ends, and says so.
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
            .expect("Trunk starts (cargo xtask test installs it)");
        Self { process, address }
    }

    async fn ready(&mut self) {
        eventually_within(READY_WITHIN, "Trunk serves the page", async || {
            if let Some(status) = self.process.try_wait().expect("Trunk can be asked") {
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
fn trunk_serve_and_a_server_that_trusts_it_are_a_chat() {
    stage("trunk_serve_and_a_server_that_trusts_it_are_a_chat", async |stage| {
        let server = Server::start_with(&["--trust-proxy"]);
        let mut trunk = Trunk::serve(server.address());
        trunk.ready().await;
        let tom = stage.open("tom", &format!("http://{}/", trunk.address)).await;
        tom.log_in("tom").await;
        tom.say_and_see("hot off the press").await;
    });
}
