//! The table of settings in README.md is the one in the code.

// Tests fail by panicking.
#![allow(clippy::unwrap_used)]

use parlour_server::config::{Setting, settings};

/// Defaults that are words about the setting, not values one could type.
const WORDS: [&str; 2] = ["none", "the built-in page"];

fn row(setting: &Setting) -> String {
    let Setting { key, variable, default, meaning } = setting;
    let flag = key.replace('_', "-");
    let default = if WORDS.contains(&default.as_str()) { default.clone() } else { format!("`{default}`") };
    format!("| `--{flag}` | `{variable}` | `{key}` | {default} | {meaning} |\n")
}

#[test]
fn readme_has_the_settings_of_the_code() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- settings -->\n\n").unwrap();
    let (table, _) = rest.split_once("\n<!-- settings end -->").unwrap();
    let head =
        "| flag | environment | key in the file | default | meaning |\n| --- | --- | --- | --- | --- |\n";
    let rows: String = settings().iter().map(row).collect();
    assert!(!rows.is_empty());
    let expected = format!("{head}{rows}");
    assert!(table == expected, "README.md's table of settings should be:\n\n{expected}");
}
