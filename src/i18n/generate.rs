//! Generates Rust code from the translations in `lang/`. Part of the build script and of the tests, not of the page.
//!
//! The English file determines which keys exist. A text without arguments becomes a variant of `Key`; a text with
//! arguments or plural forms becomes a method of `Texts`. The type of an argument follows from its name:
//!
//! | argument | type |
//! | --- | --- |
//! | `count` | `usize`; selects the plural form, and is shown with the language's digit grouping |
//! | `names` | `&[Part]`, shown as a list; the method then returns `Vec<Part>` instead of `String` |
//! | any other | `&str` |
//!
//! Two groups of keys get no code: `language` is for the list of languages, and the English of `status` is in core.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::Value;

use super::template::{OTHER, PLURAL_FORMS, Piece, pieces};

/// The tag of the language that is compiled in.
pub const ENGLISH: &str = "en";

/// One file of `lang/`.
#[derive(Debug)]
pub struct Language {
    /// The BCP 47 tag, which is the file's name.
    pub tag: String,
    /// The texts by key, such as `login.submit`.
    pub texts: BTreeMap<String, String>,
}

/// A text for which code is generated. All plural forms of a text are one entry.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The key, without the suffix of a plural form.
    pub key: &'a str,
    /// `true` if it has plural forms.
    pub is_plural: bool,
    /// The names of its arguments, in the order of the text; without `count`.
    pub arguments: Vec<&'a str>,
    /// The English text; for a text with plural forms, the form `other`.
    pub english: &'a str,
}

/// Reads all language files of a folder: English first, then in order of tag. An error is one sentence that names the file.
pub fn read_languages(dir: &Path) -> Result<Vec<Language>, String> {
    let unreadable = |e| format!("{}: cannot be read: {e}", dir.display());
    let mut languages = Vec::new();
    for file in fs::read_dir(dir).map_err(unreadable)? {
        let path = file.map_err(unreadable)?.path();
        let name = path.display();
        let tag = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|extension| extension != "json") || !is_tag(&tag) {
            return Err(format!("{name}: is not named like a language, such as `pt-BR.json`"));
        }
        let text = fs::read_to_string(&path).map_err(|e| format!("{name}: cannot be read: {e}"))?;
        let value = serde_json::from_str(&text).map_err(|e| format!("{name}: is not JSON: {e}"))?;
        let mut texts = BTreeMap::new();
        flatten("", value, &mut texts).map_err(|problem| format!("{name}: {problem}"))?;
        if !texts.contains_key("language.name") {
            return Err(format!("{name}: `language.name`, the language's name in itself, is missing"));
        }
        languages.push(Language { tag, texts });
    }
    languages.sort_by(|a, b| (a.tag != ENGLISH, &a.tag).cmp(&(b.tag != ENGLISH, &b.tag)));
    if languages.first().is_none_or(|first| first.tag != ENGLISH) {
        return Err(format!("{}/{ENGLISH}.json: is missing", dir.display()));
    }
    Ok(languages)
}

/// Returns `true` if a text is a language tag: a language of two or three letters, optionally a script and a region.
/// The browser's `Intl` could throw for any other text.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_language = parts.next().is_some_and(|part| matches!(part.len(), 2 | 3) && letters(part));
    let script = |part: &str| part.len() == 4 && letters(part);
    let region = |part: &str| part.len() == 2 && letters(part) || part.len() == 3 && digits(part);
    let rest: Vec<_> = parts.collect();
    is_language
        && match rest[..] {
            [] => true,
            [only] => script(only) || region(only),
            [first, second] => script(first) && region(second),
            _ => false,
        }
}

/// Collects the texts of nested groups under keys with dots.
fn flatten(key: &str, value: Value, texts: &mut BTreeMap<String, String>) -> Result<(), String> {
    match value {
        Value::Object(group) => group.into_iter().try_for_each(|(name, value)| {
            let inner = if key.is_empty() { name } else { format!("{key}.{name}") };
            flatten(&inner, value, texts)
        }),
        Value::String(text) if !key.is_empty() => {
            let unclosed =
                |piece| matches!(piece, Piece::Text(text) if text.contains("{{") || text.contains("}}"));
            if pieces(&text).any(unclosed) {
                return Err(format!("`{key}` has braces that are not a pair: {text}"));
            }
            texts.insert(key.to_owned(), text);
            Ok(())
        }
        _ if key.is_empty() => Err("is not a group of texts in braces".to_owned()),
        _ => Err(format!("`{key}` is neither a text nor a group of texts")),
    }
}

/// Splits the key of a plural form into the text's key and the form's position in [`PLURAL_FORMS`].
pub fn plural_form(key: &str) -> Option<(&str, usize)> {
    let (key, suffix) = key.rsplit_once('_')?;
    Some((key, PLURAL_FORMS.iter().position(|form| *form == suffix)?))
}

/// The names of the arguments in a text, each once.
pub fn arguments(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        if let Piece::Argument(name) = piece
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found
}

/// The texts for which code is generated: those without arguments first.
pub fn entries(english: &Language) -> Result<Vec<Entry<'_>>, String> {
    let mut entries = Vec::new();
    for (key, text) in &english.texts {
        let problem = |problem: &str| Err(format!("lang/{}.json: `{key}` {problem}", english.tag));
        if key.starts_with("language.") || key.starts_with("status.") {
            continue;
        }
        if !key.split(['.', '_']).all(is_word) {
            return problem("is not made of lower-case words with `.` and `_` between them");
        }
        let mut arguments = arguments(text);
        if let Some(name) = arguments.iter().find(|name| !name.split('_').all(is_word)) {
            return problem(&format!("has an argument that is no lower-case word: {name}"));
        }
        let form = plural_form(key);
        if let Some((base, form)) = form
            && form != OTHER
        {
            if !english.texts.contains_key(&format!("{base}_other")) {
                return problem("has no form `_other` beside it");
            }
            continue;
        }
        if form.is_none() && arguments.contains(&"count") {
            return problem("has a `{{count}}` and no plural forms");
        }
        arguments.retain(|name| *name != "count");
        let key = form.map_or(key.as_str(), |(base, _)| base);
        entries.push(Entry { key, is_plural: form.is_some(), arguments, english: text });
    }
    // Texts without arguments are the variants of an enum, which are numbered from 0.
    entries.sort_by_key(|entry| !is_plain(entry));
    Ok(entries)
}

fn is_plain(entry: &Entry) -> bool {
    !entry.is_plural && entry.arguments.is_empty()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The code for the page: the list of languages, the table of English texts, `Key`, and the methods of `Texts`.
pub fn code(languages: &[Language]) -> Result<String, String> {
    let english = languages.first().ok_or("there is no language")?;
    let entries = entries(english)?;
    languages.iter().try_for_each(|language| check_arguments(language, &entries))?;

    let (mut keys, mut methods) = (String::new(), String::new());
    let (mut table, mut slots) = (String::new(), Vec::new());
    for entry in &entries {
        let doc = format!("/// `{}`: {}", entry.key, entry.english.replace('\n', " "));
        if is_plain(entry) {
            // Writing into a string does not fail.
            let _ = writeln!(keys, "    {doc}\n    {},", camel_case(entry.key));
        } else {
            methods.push_str(&method(entry, &doc, slots.len()));
        }
        let _ = writeln!(table, "    ({:?}, {}),", entry.key, entry.is_plural);
        if entry.is_plural {
            let form = |form: &&str| english.texts.get(&format!("{}_{form}", entry.key));
            slots.extend(PLURAL_FORMS.iter().map(|name| form(name).map_or("", String::as_str)));
        } else {
            slots.push(entry.english);
        }
    }
    let name = |language: &Language| (language.tag.clone(), language.texts["language.name"].clone());
    let names: Vec<_> = languages.iter().map(name).collect();
    let (languages, texts, entries) = (names.len(), slots.len(), entries.len());
    Ok(format!(
        "/// The available languages: tag, and name in the language itself. The first one is compiled in.
pub(super) const LANGUAGES: [(&str, &str); {languages}] = {names:#?};

/// A text without arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {{
{keys}}}

/// The key of each text and whether it has plural forms, in the order of their slots.
pub(super) const ENTRIES: [(&str, bool); {entries}] = [
{table}];

/// The English texts. A text with plural forms has six slots in a row, which are empty for missing forms.
pub(super) const ENGLISH: [&str; {texts}] = {slots:#?};

impl Texts {{
{methods}}}
"
    ))
}

/// Fails if a text has an argument that the English text does not have, because it would be replaced by nothing.
fn check_arguments(language: &Language, entries: &[Entry]) -> Result<(), String> {
    for (key, text) in &language.texts {
        let base = plural_form(key).map_or(key.as_str(), |(base, _)| base);
        let Some(entry) = entries.iter().find(|entry| entry.key == base) else { continue };
        let known = |name: &&str| entry.arguments.contains(name) || entry.is_plural && *name == "count";
        if let Some(name) = arguments(text).iter().find(|name| !known(name)) {
            return Err(format!("lang/{}.json: `{key}` has an unknown argument: {name}", language.tag));
        }
    }
    Ok(())
}

/// A method of `Texts` for a text with arguments.
fn method(entry: &Entry, doc: &str, slot: usize) -> String {
    let (mut parameters, mut values) = (String::new(), String::new());
    let mut text = format!("self.slots[{slot}]");
    if entry.is_plural {
        parameters.push_str(", count: usize");
        values.push_str("(\"count\", &self.number(count)), ");
        text = format!("self.plural({slot}, count)");
    }
    let mut list = "";
    for name in &entry.arguments {
        if *name == "names" {
            parameters.push_str(", names: &[Part]");
            list = ", self.list(names)";
        } else {
            let _ = write!(parameters, ", {name}: &str");
            let _ = write!(values, "(\"{name}\", {name}), ");
        }
    }
    let (output, fill) = if list.is_empty() { ("String", "fill") } else { ("Vec<Part>", "fill_names") };
    let (name, values) = (entry.key.replace('.', "_"), values.trim_end_matches(", "));
    format!(
        "    {doc}
    #[must_use]
    pub fn {name}(&self{parameters}) -> {output} {{
        {fill}({text}, &[{values}]{list})
    }}
"
    )
}

/// Converts a key such as `login.submit_as` to a variant name such as `LoginSubmitAs`.
fn camel_case(key: &str) -> String {
    key.split(['.', '_'])
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_ascii_uppercase(), rest.to_owned()]
        })
        .collect()
}
