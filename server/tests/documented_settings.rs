//! The table of settings in docs/configuration.md is the one in the code.

#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use parlour_server::config::{Setting, settings};

/// Descriptions of defaults that can't be typed as a value.
const DESCRIPTIONS: [&str; 2] = ["none", "the built-in page"];

fn row(setting: &Setting) -> String {
    let Setting { key, variable, default, meaning } = setting;
    let flag = key.replace('_', "-");
    let default =
        if DESCRIPTIONS.contains(&default.as_str()) { default.clone() } else { format!("`{default}`") };
    format!("| `--{flag}` | `{variable}` | `{key}` | {default} | {meaning} |\n")
}

#[test]
fn documented_settings_are_those_of_the_code() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md")).unwrap();
    let (_, rest) = document.split_once("<!-- settings -->\n\n").unwrap();
    let (table, _) = rest.split_once("\n<!-- settings end -->").unwrap();
    let head =
        "| flag | environment | key in the file | default | meaning |\n| --- | --- | --- | --- | --- |\n";
    let rows: String = settings().iter().map(row).collect();
    assert!(!rows.is_empty());
    let expected = format!("{head}{rows}");
    assert!(table == expected, "the table of settings in docs/configuration.md should be:\n\n{expected}");
}
