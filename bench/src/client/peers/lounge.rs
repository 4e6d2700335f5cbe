//! The Lounge, in public mode and locked to the benchmark's own IRC server. It is the reader's IRC client on a server of its
//! own, with a page: what it takes is not the page's alone.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{Held, LOUNGE, Peer, Site, irc};
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

fn start(setting: &Setting, held: Held) -> Result<Site> {
    ensure!(held == Held(0), "The Lounge keeps nothing that was said before its reader came");
    let place = setting.place.out.join("lounge");
    let modules = place.join("node_modules");
    let program = modules.join("thelounge").join("index.js");
    ensure!(program.is_file(), "The Lounge is not in {}", place.display());
    let irc = irc::Irc::start()?;
    let port = target::free_port()?;
    let home = place.join("home");
    // Of an earlier start: it is to know nobody.
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).context("target/bench cannot be written")?;
    fs::write(home.join("config.js"), config(port, irc.address.port()))?;
    let mut command = Command::new(node(&modules).context("there is no Node.js for The Lounge")?);
    // It warns of what it does itself.
    command.stderr(Stdio::null());
    command.arg(program).arg("start").env("THELOUNGE_HOME", &home).current_dir(&place);
    let server = Running::start(command, port)?;
    Ok(Site {
        url: format!("http://127.0.0.1:{port}/"),
        feed: Box::new(irc),
        data: None,
        _keep: Box::new(server),
    })
}

/// The one that came with it: it needs a newer one than many systems have.
fn node(modules: &Path) -> Option<std::path::PathBuf> {
    let packages = fs::read_dir(modules).ok()?.flatten().map(|entry| entry.path());
    let of_node =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("node-linux-"));
    packages.into_iter().find(|path| of_node(path)).map(|path| path.join("bin").join("node"))
}

/// All that is not as it comes: where it is, where it goes, and nothing that asks others.
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
