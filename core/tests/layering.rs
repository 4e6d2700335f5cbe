//! The layering rules, checked against the sources: which layer may use which, and what core may depend on.
//!
//! `app -> view -> ctrl -> service -> ws`: each layer uses only the next one. Every layer except `ws` may use core's
//! data types, and reads the state of the client; only `service` drives the client; no layer of the client uses the codec or
//! the wire types.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(not(target_arch = "wasm32"))] // reads the source tree, which a browser does not have

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The allowed dependencies of core. Another one needs a decision record in docs/adr first.
const CORE_MAY_USE: [&str; 5] = ["bytes", "linkify", "prost", "pulldown-cmark", "thiserror"];

/// Core's modules with data types, which most layers may use.
const DATA: [&str; 12] = [
    "address", "client", "limits", "markup", "model", "policy", "presence", "ranges", "sorted", "status",
    "timeline", "validate",
];

/// What is in core's `client` and only `service` may use: the client itself, its tabs and its data on the device.
const DRIVEN: [&str; 6] = ["Client", "Output", "Persisted", "Setup", "device", "tabs"];

struct Layer {
    name: &'static str,
    /// The other modules of the client that it may use.
    may_use: &'static [&'static str],
    /// The modules of core that it may use.
    core: &'static [&'static str],
    /// The crates that it must not use.
    forbidden: &'static [&'static str],
}

const LEAVES: &[&str] = &["config", "i18n"];

/// Leptos and the crates built on it, for the layers below the store.
const NO_LEPTOS: &[&str] = &["gloo_net", "leptos", "leptos_use_media_query"];

fn layers() -> [Layer; 7] {
    [
        Layer { name: "app", may_use: &["view", "ctrl"], core: &DATA, forbidden: &["gloo_net"] },
        Layer { name: "view", may_use: &["ctrl"], core: &DATA, forbidden: &["gloo_net"] },
        Layer { name: "ctrl", may_use: &["service"], core: &DATA, forbidden: &["gloo_net", "web_sys"] },
        Layer { name: "service", may_use: &["ws"], core: &[], forbidden: NO_LEPTOS },
        Layer { name: "ws", may_use: &[], core: &["-"], forbidden: &["leptos"] },
        Layer { name: "config", may_use: &[], core: &["address"], forbidden: NO_LEPTOS },
        Layer { name: "i18n", may_use: &[], core: &DATA, forbidden: &["gloo_net"] },
    ]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

/// The paths used in a source with their lines: one for each leaf of a `use` tree and each path in the code. Comments
/// are skipped.
fn named_paths(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_use: Option<(usize, String)> = None;
    for (number, line) in source.lines().enumerate() {
        let line = line.split("//").next().unwrap_or("");
        let trimmed = line.trim_start();
        let begins = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "]
            .iter()
            .find_map(|p| trimmed.strip_prefix(p));
        if let Some(rest) = begins {
            in_use = Some((number + 1, rest.to_owned()));
        } else if let Some((_, text)) = &mut in_use {
            text.push_str(trimmed);
        } else {
            for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
                if word.contains("::") {
                    found.push((number + 1, word.trim_matches(':').to_owned()));
                }
            }
        }
        if in_use.as_ref().is_some_and(|(_, text)| text.contains(';')) {
            let (number, text) = in_use.take().unwrap();
            let tree: String =
                text.split(';').next().unwrap().split_whitespace().collect::<Vec<_>>().join("");
            found.extend(leaves(&tree).into_iter().map(|path| (number, path)));
        }
    }
    found
}

/// The paths in a `use` tree: `a::{b, c::{d}}` has `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else { return vec![tree.to_owned()] };
    let (prefix, inner) = (&tree[..open], tree[open + 1..].trim_end_matches('}'));
    let mut out = Vec::new();
    let (mut depth, mut start) = (0, 0);
    let inner = format!("{inner}{}", "}".repeat(inner.matches('{').count() - inner.matches('}').count()));
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if start < at {
                    out.extend(leaves(&inner[start..at]).into_iter().map(|leaf| format!("{prefix}{leaf}")));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    out
}

/// The forbidden paths in a file of a layer, each with file and line.
fn violations(layer: &Layer, file: &str, source: &str) -> Vec<String> {
    let modules: Vec<_> = layers().iter().map(|layer| layer.name).collect();
    let mut out = Vec::new();
    for (line, path) in named_paths(source) {
        let parts: Vec<_> = path.split("::").collect();
        let complain = |what: &str| format!("{file}:{line}: `{}` uses {what} (`{path}`)", layer.name);
        match (parts[0], parts.get(1).copied().unwrap_or("")) {
            ("crate", module) if modules.contains(&module) => {
                let allowed =
                    module == layer.name || layer.may_use.contains(&module) || LEAVES.contains(&module);
                if !allowed {
                    out.push(complain(&format!("the layer `{module}`")));
                }
            }
            ("parlour_core", module) => {
                let is_module = module.chars().next().is_some_and(char::is_lowercase);
                let allowed = match layer.name {
                    "service" => {
                        DATA.contains(&module) || ["left_sessions", "persist", "send_queue"].contains(&module)
                    }
                    "ws" => false,
                    _ => {
                        let is_driven = parts.get(2).is_some_and(|item| DRIVEN.contains(item));
                        layer.core.contains(&module) && !(module == "client" && is_driven)
                    }
                };
                if is_module && !allowed || layer.name == "ws" {
                    out.push(complain(&format!("core's `{module}`")));
                }
            }
            (first, _) if layer.forbidden.contains(&first) => {
                out.push(complain(&format!("the crate `{first}`")))
            }
            _ => {}
        }
    }
    out
}

#[test]
fn each_layer_uses_only_the_next() {
    let mut found = Vec::new();
    for layer in layers() {
        let src = root().join("src");
        let mut files = Vec::new();
        let (file, dir) = (src.join(format!("{}.rs", layer.name)), src.join(layer.name));
        if file.exists() {
            files.push(file);
        }
        if dir.exists() {
            sources(&dir, &mut files);
        }
        assert!(!files.is_empty(), "the layer `{}` has no source; was it renamed?", layer.name);
        for path in files {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.extend(violations(&layer, &name, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn core_depends_on_nothing_that_does_io() {
    let manifest = fs::read_to_string(root().join("core/Cargo.toml")).unwrap();
    let mut section = "";
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap();
            assert!(
                CORE_MAY_USE.contains(&name),
                "core/Cargo.toml:{}: core may not depend on `{name}`",
                number + 1
            );
        }
    }
}

#[test]
fn core_uses_no_clock_and_no_io() {
    let mut files = Vec::new();
    sources(&root().join("core/src"), &mut files);
    for path in files {
        let source = fs::read_to_string(&path).unwrap();
        for (line, named) in named_paths(&source) {
            let forbidden =
                ["std::time", "std::net", "std::fs", "std::thread", "std::env", "web_sys", "js_sys", "tokio"];
            let hit = forbidden.iter().any(|f| named == *f || named.starts_with(&format!("{f}::")));
            assert!(!hit, "{}:{line}: core uses `{named}`", path.display());
        }
    }
}

/// Tests the rules themselves: each of these violations must be found, with its line.
#[test]
fn violations_are_found() {
    let planted = [
        ("view", "use crate::service::Service;"),
        ("view", "use crate::{\n    ctrl::Store,\n    ws::Socket,\n};"),
        ("view", "fn f() { crate::ws::Socket::open(); }"),
        ("view", "use parlour_core::session::Session;"),
        ("ctrl", "use parlour_core::{\n    client::{Command, Client},\n};"),
        ("ctrl", "use crate::view::login;"),
        ("ctrl", "use parlour_core::{model::Message, codec::encode};"),
        ("service", "use parlour_core::{model, wire::Login};"),
        ("service", "use leptos::prelude::*;"),
        ("service", "use leptos_use_media_query::use_media_query;"),
        ("service", "use crate::ctrl::Store;"),
        ("ws", "use parlour_core::model::Message;"),
        ("ws", "pub use leptos::prelude::RwSignal;"),
        ("config", "use crate::ctrl::Store;"),
    ];
    for (name, source) in planted {
        let layer = layers().into_iter().find(|layer| layer.name == name).unwrap();
        let found = violations(&layer, "planted.rs", source);
        assert_eq!(found.len(), 1, "in `{name}`: {source:?} gave {found:?}");
        assert!(found[0].starts_with("planted.rs:1: "), "{found:?}");
    }
    let view = &layers()[1];
    let fine = "// use crate::ws::Socket;\nuse crate::{ctrl::Store, i18n::texts};\nuse parlour_core::model::Message;";
    assert_eq!(violations(view, "fine.rs", fine), Vec::<String>::new());
}
