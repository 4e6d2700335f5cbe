use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use super::generate::{code, read_languages};

/// A copy of `lang/` in a temporary folder, with other files added.
struct Folder(PathBuf);

impl Folder {
    fn with(test: &str, files: &[(&str, &str)]) -> Self {
        let path = env::temp_dir().join(format!("parlour-lang-{test}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("lang")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), path.join(file.file_name())).unwrap();
        }
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    fn code(&self) -> Result<String, String> {
        code(&read_languages(&self.0)?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // If it cannot be removed, it does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_language_is_added_by_a_file_alone() {
    let before = Folder::with("before", &[]).code().unwrap();
    let polish = r#"{
        "language": { "name": "Polski" },
        "composer": { "send": "Wyślij" },
        "members": {
            "count_one": "{{count}} osoba", "count_few": "{{count}} osoby",
            "count_many": "{{count}} osób", "count_other": "{{count}} osoby"
        }
    }"#;
    let after = Folder::with("after", &[("pl.json", polish)]).code().unwrap();
    assert!(after.contains("LANGUAGES: [(&str, &str); 3]") && after.contains("\"Polski\""), "{after}");
    let same = |code: &str| code[code.find("pub enum Key").unwrap()..].to_owned();
    assert_eq!(same(&after), same(&before));
}

#[test]
fn the_type_of_an_argument_follows_from_its_name() {
    let english = r#"{
        "language": { "name": "English" },
        "a": {
            "plain": "Plain",
            "named": "{{who}} and {{what}}",
            "counted_one": "One {{what}}", "counted_other": "{{count}} {{what}}",
            "listed_one": "{{names}} is here", "listed_other": "{{names}} are here"
        }
    }"#;
    let folder = Folder::with("types", &[("en.json", english)]);
    fs::remove_file(folder.0.join("zh-CN.json")).unwrap();
    let code = folder.code().unwrap();
    for line in [
        "    APlain,\n",
        "pub fn a_named(&self, who: &str, what: &str) -> String",
        "pub fn a_counted(&self, count: usize, what: &str) -> String",
        "pub fn a_listed(&self, count: usize, names: &[Part]) -> Vec<Part>",
    ] {
        assert!(code.contains(line), "{line} is not in\n{code}");
    }
}

#[test]
fn a_broken_file_is_named_with_its_key() {
    let of = |name: &str, inner: &str| {
        (name.to_owned(), format!(r#"{{ "language": {{ "name": "X" }}, {inner} }}"#))
    };
    for (at, (file, expected)) in [
        (("xx.json".into(), "{".into()), "xx.json: is not JSON"),
        (("xx.json".into(), "{}".into()), "xx.json: `language.name`"),
        (("xx.json".into(), "[]".into()), "xx.json: is not a group"),
        (("notes.txt".into(), String::new()), "notes.txt: is not named like a language"),
        (("english.json".into(), "{}".into()), "english.json: is not named like a language"),
        (of("xx.json", r#""room": { "leave": 1 }"#), "xx.json: `room.leave` is neither a text"),
        (of("xx.json", r#""room": { "leave": "{{x" }"#), "xx.json: `room.leave` has braces"),
        (
            of("xx.json", r#""room": { "leave": "{{x}}" }"#),
            "xx.json: `room.leave` has an unknown argument: x",
        ),
        (of("en.json", r#""a": "{{count}}""#), "en.json: `a` has a `{{count}}` and no plural forms"),
        (of("en.json", r#""a_one": "1""#), "en.json: `a_one` has no form `_other`"),
        (of("en.json", r#""camelCase": "x""#), "en.json: `camelCase` is not made of lower-case words"),
        (of("en.json", r#""a": "{{A b}}""#), "en.json: `a` has an argument that is no lower-case word: A b"),
    ]
    .into_iter()
    .enumerate()
    {
        let (name, text): (String, String) = file;
        let problem = Folder::with(&format!("broken-{at}"), &[(&name, &text)]).code().unwrap_err();
        assert!(problem.contains(expected), "{problem}\nis not\n{expected}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}
