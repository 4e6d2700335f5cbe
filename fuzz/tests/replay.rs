//! Every target over its corpus, with the ordinary compiler: what a fuzzer has found once stays found.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

use std::{fs, path::PathBuf};

use parlour_fuzz::{TARGETS, corpus};

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_corpus_holds() {
    for (name, target) in TARGETS {
        let inputs =
            corpus::read(&corpus::path(name)).unwrap_or_else(|error| panic!("the corpus of {name}: {error}"));
        assert!(inputs.len() >= 10, "{name} has a corpus of {}", inputs.len());
        for (input, data) in inputs {
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{input} of corpus/{name}.tar does not hold; the reason is above");
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

#[test]
fn an_archive_keeps_its_inputs_and_is_reproducible() {
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
