//! Seeds of the target `config`: settings files and flags.

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    let table: String = parlour_server::config::settings()
        .iter()
        .map(|setting| format!("{} = \"{}\"\n", setting.key, setting.default))
        .collect();
    let flags: String = parlour_server::config::settings()
        .iter()
        .map(|setting| format!("--{}={}\n", setting.key.replace('_', "-"), setting.default))
        .collect();
    [
        &*table,
        &*flags,
        "listen = [\"127.0.0.1:1\", \"[::1]:1\"]\nburst = 7\nping_interval = \"5s\"\ntrust_proxy = true\n",
        "allow_origin = [\"*\"]\nassets = \"dist\"\nlog_format = \"json\"\n",
        "ping_timeout = \"45 min\"\nping_interval = \"500ms\"\nsession_grace = \"24h\"\n",
        "content_bytes = 9223372036854775807\nframe_bytes = 1_000\n",
        "max_connections = -1\n",
        "queue_frames = 0x40\nqueue_bytes = 0o777777777\n",
        "connect_src = [\"ws:\", \"https://a.example\"]\nframe_ancestors = [\"'none'\"]\n",
        "brust = 7\n",
        "listen = []\n",
        "nick_chars = 0\n",
        "content_bytes = 16384\nframe_bytes = 16384\nqueue_bytes = 1\n",
        "[listen]\na.b = 1979-05-27T07:32:00Z\n",
        "--listen\n127.0.0.1:1,127.0.0.1:2\n--trust-proxy\n",
        "--burst=-1\n",
        "--help\n",
        "--version\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
