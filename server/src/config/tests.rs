use super::*;

fn load(arguments: &[&str]) -> Result<Config, ConfigError> {
    Config::load(["parlour-server"].iter().chain(arguments))
}

#[test]
fn documented_defaults_are_the_defaults() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen, List(vec!["0.0.0.0:8080".parse().unwrap()]));
    assert_eq!(config.limits(), Limits::default());
    // The default in the table can be typed as a flag.
    for setting in settings() {
        if matches!(setting.key, "assets" | "page_config" | "allow_origin" | "allow_host" | "proxy_addresses")
        {
            continue;
        }
        let flag = format!("--{}={}", setting.key.replace('_', "-"), setting.default);
        let typed = load(&[&flag]).unwrap_or_else(|e| panic!("{flag}: {e}"));
        assert_eq!(format!("{typed:?}"), format!("{config:?}"), "{flag}");
    }
}

#[test]
fn flag_takes_precedence_over_file() {
    let path = std::env::temp_dir().join(format!("parlour-settings-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        "listen = [\"127.0.0.1:1\", \"[::1]:1\"]\nburst = 7\nping_interval = \"5s\"\ntrust_proxy = true\nallow_origin = [\"*\"]\nassets = \"dist\"\n",
    )
    .unwrap();
    let file = path.to_str().unwrap();
    let config = load(&["--config", file, "--burst", "9"]).unwrap();
    assert_eq!((config.burst, config.listen.len(), config.trust_proxy), (9, 2, true));
    assert_eq!(config.ping_interval, Span::seconds(5));
    assert_eq!(config.assets.as_path(), Some(std::path::Path::new("dist")));
    std::fs::write(&path, "brust = 7\n").unwrap();
    assert!(matches!(load(&["--config", file]), Err(ConfigError::File { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(load(&["--config", file]), Err(ConfigError::Read { .. })));
    assert_eq!(Config::from_toml("burst = 7\n").unwrap().burst, 7);
    assert!(matches!(Config::from_toml("brust = 7\n"), Err(ConfigError::Text(_))));
    assert!(matches!(Config::from_toml("nick_chars = 0\n"), Err(ConfigError::Value(_))));
}

#[test]
fn invalid_settings_are_refused() {
    for flags in [
        &["--nick-chars", "33"][..],
        &["--nick-chars", "0"],
        &["--ping-timeout", "10s"],
        &["--frame-bytes", "100"],
        &["--connect-src", "ws:; script-src *"],
        &["--queue-frames", "1"],
        &["--listen", "here"],
        &["--log-format", "xml"],
        &["--burst", "-1"],
        &["--keep-age", "0"],
        &["--allow-host", "https://chat.example.org"],
        &["--proxy-addresses", "10.0.0.0/8"],
        &["--trust-proxy", "--proxy-addresses", "10.0.0.0/33"],
        &["--keep-bytes", "much"],
        &["--keep-bytes", "500"],
        &["--allow-origin", "chat.example.org"],
        &["--allow-origin", "https://chat.example.org/chat"],
        &["--log-level", "verbose"],
        &["--log-level", "info,warning"],
        &["--server-name", " "],
        &["--server-name", "a\nb"],
        &["--heartbeat", "10ms"],
        &["backup"],
        &["restore", "x"],
    ] {
        assert!(load(flags).is_err(), "{flags:?}");
    }
    for level in ["INFO", "off", "info,hyper=warn", "warn,parlour_server[span]=debug", "info,"] {
        assert!(load(&["--log-level", level]).is_ok(), "{level}");
    }
    assert!(load(&["--trust-proxy"]).unwrap().trust_proxy);
    assert!(!load(&["--trust-proxy=false"]).unwrap().trust_proxy);
    let proxied = load(&["--trust-proxy", "--proxy-addresses", "10.0.0.1, fd00::/8"]).unwrap();
    assert_eq!(proxied.proxy_addresses.len(), 2);
    assert_eq!(load(&["--listen", "127.0.0.1:1,127.0.0.1:2"]).unwrap().listen.len(), 2);
}

#[test]
fn retention_settings_are_applied() {
    assert_eq!(load(&[]).unwrap().retention(), Retention::default());
    let flags = ["--keep-age=30d", "--keep-messages=7", "--keep-bytes", "2G"];
    let retention = load(&flags).unwrap().retention();
    assert_eq!(retention.age, Some(std::time::Duration::from_secs(30 * 86_400)));
    assert_eq!((retention.messages, retention.bytes), (Some(7), Some(2 << 30)));
}

#[test]
fn command_accepts_settings() {
    let load = |arguments: &[&str]| Config::load_command(["parlour-server"].iter().chain(arguments)).unwrap();
    assert_eq!(load(&["--burst", "9"]).1, None);
    let backup = Some(Command::Backup { to: "there".into() });
    for arguments in [
        ["backup", "--data-dir", "here", "there"],
        ["--data-dir", "here", "backup", "there"],
        ["backup", "there", "--data-dir", "here"],
    ] {
        let (config, command) = load(&arguments);
        assert_eq!((config.data_dir, &command), ("here".into(), &backup), "{arguments:?}");
    }
}

#[test]
fn empty_values_in_the_file_count_as_not_set() {
    // Also of numbers, which are not texts.
    for setting in settings() {
        for value in ["\"\"", "\" \""] {
            let text = format!("{} = {value}\n", setting.key);
            let config = Config::from_toml(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()), "{text}");
        }
    }
    assert_eq!(Config::from_toml("keep_age = \"\"\nburst = 7\n").unwrap().burst, 7);
    assert!(Config::from_toml("keep_age = \"\"\nbrust = 7\n").is_err());
    assert_eq!(Config::from_toml("\u{FEFF}burst = 7\n").unwrap().burst, 7, "with a byte order mark");
    let error = Config::from_toml("burst = 7\nbrust = 7\n").unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}
