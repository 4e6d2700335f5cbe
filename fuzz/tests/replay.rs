//! Runs every target over its corpus on stable Rust, so that an input found by fuzzing is a regression test.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

use std::{fs, path::PathBuf};

use parlour_fuzz::TARGETS;

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_corpus_input_passes() {
    for (name, target) in TARGETS {
        let mut files: Vec<_> = fs::read_dir(directory("corpus").join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 10, "the corpus of {name} has only {} files", files.len());
        for file in files {
            let data = fs::read(&file).unwrap();
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{} violates a property; see the panic above", file.display());
            }
        }
        // Not in any corpus.
        target(&[]);
    }
}

#[test]
fn every_target_has_a_fuzzer_binary() {
    let manifest = fs::read_to_string(directory("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in Cargo.toml"
        );
        let fuzzer = fs::read_to_string(directory("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(fuzzer.contains(&format!("parlour_fuzz::{name}(")), "{name}'s fuzzer runs something else");
    }
}
