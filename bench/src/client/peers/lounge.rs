//! The Lounge in public mode, connected to the benchmark's own IRC server. It consists of a server, which is the IRC client,
//! and a page; the figures are of both.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{LOUNGE, Peer, Preloaded, Site, irc};
use crate::{
    client::setting::Setting,
    target::{self, Running},
};

pub const PEER: Peer = Peer {
    name: LOUNGE,
    login: Some("input[name='nick']"),
    composer: "#input",
    list: "#chat .messages",
    row: "#chat .messages .msg[data-type='message']",
    gap: None,
    start,
};

fn start(setting: &Setting, preloaded: Preloaded) -> Result<Site> {
    ensure!(preloaded == Preloaded(0), "The Lounge shows no messages from before the client joined");
    let dir = setting.paths.out.join("lounge");
    let modules = dir.join("node_modules");
    let program = modules.join("thelounge").join("index.js");
    ensure!(program.is_file(), "The Lounge is not installed in {}", dir.display());
    let irc = irc::Irc::start()?;
    let port = target::free_port()?;
    let home = dir.join("home");
    // Left by an earlier start; there must be no users.
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).context("cannot write target/bench")?;
    fs::write(home.join("config.js"), config(port, irc.address.port()))?;
    let mut command = Command::new(node(&modules).context("Node.js for The Lounge is not installed")?);
    // It prints warnings about its own code.
    command.stderr(Stdio::null());
    command.arg(program).arg("start").env("THELOUNGE_HOME", &home).current_dir(&dir);
    let server = Running::start(command, port)?;
    Ok(Site {
        url: format!("http://127.0.0.1:{port}/"),
        feed: Box::new(irc),
        data: None,
        _server: Box::new(server),
    })
}

/// The Node.js that is installed with The Lounge, which needs a newer version than many systems have.
fn node(modules: &Path) -> Option<std::path::PathBuf> {
    let packages = fs::read_dir(modules).ok()?.flatten().map(|entry| entry.path());
    let of_node =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("node-linux-"));
    packages.into_iter().find(|path| of_node(path)).map(|path| path.join("bin").join("node"))
}

/// Differences from the default configuration: addresses, and nothing that contacts other hosts.
fn config(port: u16, irc: u16) -> String {
    let channel = irc::CHANNEL;
    format!(
        r#"module.exports = {{
    public: true, host: "127.0.0.1", port: {port}, lockNetwork: true, prefetch: false, messageStorage: [],
    fileUpload: {{ enable: false }}, identd: {{ enable: false }}, transports: ["websocket"],
    defaults: {{ name: "bench", host: "127.0.0.1", port: {irc}, tls: false, rejectUnauthorized: false, password: "",
        nick: "reader", username: "reader", realname: "reader", join: "{channel}", leaveMessage: "" }},
}};
"#
    )
}
