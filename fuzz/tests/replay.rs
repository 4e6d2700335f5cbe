//! Runs every target over its corpus on stable Rust, so that an input found by fuzzing is a regression test.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

use std::{fs, path::PathBuf};

use parlour_fuzz::{TARGETS, corpus};

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The number of inputs in each archive, so that a truncated or empty archive is detected. Update it with the archive.
const INPUTS: [(&str, usize); 9] = [
    ("frame", 193),
    ("client", 187),
    ("hub", 189),
    ("config", 178),
    ("stored", 101),
    ("http", 87),
    ("query", 81),
    ("log", 9),
    ("markup", 9),
];

#[test]
fn every_corpus_input_passes() {
    for (name, target) in TARGETS {
        let inputs =
            corpus::read(&corpus::path(name)).unwrap_or_else(|error| panic!("the corpus of {name}: {error}"));
        let expected = INPUTS.iter().find(|(of, _)| of == name).map(|(_, count)| *count);
        assert_eq!(Some(inputs.len()), expected, "inputs in the corpus of {name}");
        for (input, data) in inputs {
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{input} of corpus/{name}.tar violates a property; see the panic above");
            }
        }
        // The empty input is in no corpus.
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

#[test]
fn archive_round_trips_and_is_reproducible() {
    let file = std::env::temp_dir().join(format!("parlour-corpus-{}.tar", std::process::id()));
    let inputs =
        vec![("seed-00".to_owned(), vec![]), ("b".to_owned(), vec![0; 1_000]), ("a".to_owned(), vec![1])];
    corpus::write(&file, inputs.clone()).unwrap();
    let first = fs::read(&file).unwrap();
    let read = corpus::read(&file).unwrap();
    let mut sorted = inputs;
    sorted.sort();
    assert_eq!(read, sorted);
    corpus::write(&file, read).unwrap();
    assert!(first == fs::read(&file).unwrap());
    fs::remove_file(file).unwrap();
}
