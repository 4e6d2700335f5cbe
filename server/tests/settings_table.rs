//! The table of settings in docs/configuration.md lists exactly the settings of the code.

// Tests fail by panicking.
#![allow(clippy::unwrap_used)]

use parlour_server::config::{Setting, settings};

/// Defaults that describe the setting instead of being a value.
const DESCRIPTIONS: [&str; 2] = ["none", "the built-in page"];

fn row(setting: &Setting) -> String {
    let Setting { key, variable, default, meaning } = setting;
    let flag = key.replace('_', "-");
    let default =
        if DESCRIPTIONS.contains(&default.as_str()) { default.clone() } else { format!("`{default}`") };
    format!("| `--{flag}` | `{variable}` | `{key}` | {default} | {meaning} |\n")
}

#[test]
fn documented_settings_match_the_code() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md")).unwrap();
    let (_, rest) = page.split_once("<!-- settings -->\n\n").unwrap();
    let (table, _) = rest.split_once("\n<!-- settings end -->").unwrap();
    let head =
        "| flag | environment | key in the file | default | meaning |\n| --- | --- | --- | --- | --- |\n";
    let rows: String = settings().iter().map(row).collect();
    assert!(!rows.is_empty());
    let expected = format!("{head}{rows}");
    assert!(table == expected, "the table in docs/configuration.md should be:\n\n{expected}");
}
