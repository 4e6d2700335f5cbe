//! Every target over its corpus, with the ordinary compiler: what a fuzzer has found once stays found.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

use std::{fs, path::PathBuf};

use parlour_fuzz::TARGETS;

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_corpus_holds() {
    for (name, target) in TARGETS {
        let mut files: Vec<_> = fs::read_dir(directory("corpus").join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 10, "{name} has a corpus of {}", files.len());
        for file in files {
            let data = fs::read(&file).unwrap();
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{} does not hold; the reason is above", file.display());
            }
        }
        // What is not in a corpus, but costs nothing to try.
        target(&[]);
    }
}

#[test]
fn every_target_has_its_fuzzer() {
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
