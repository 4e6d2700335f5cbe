//! Short names for the functions that the main module imports from the main script.
//!
//! wasm-bindgen adds a hash to the name of each, which is random and therefore hardly compressed: together 5 KB of the
//! login page.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};
use walrus::Module;

/// The number of hexadecimal digits of a hash.
const HASH_LEN: usize = 16;

/// Renames the imports of a module. Returns the new name of each old one.
pub fn shorten(module: &mut Module) -> HashMap<String, String> {
    let mut uses = HashMap::<String, usize>::new();
    let mut renamed = HashMap::new();
    for import in module.imports.iter_mut() {
        let Some(name) = without_hash(&import.name) else { continue };
        let uses = uses.entry(name.to_owned()).or_default();
        *uses += 1;
        // No name that wasm-bindgen generates contains a `$`.
        let short = if *uses == 1 { name.to_owned() } else { format!("{name}${uses}") };
        renamed.insert(std::mem::replace(&mut import.name, short.clone()), short);
    }
    renamed
}

/// Writes the new names into the script that defines the functions.
///
/// # Errors
/// The script cannot be read or written, or does not define a function.
pub fn rename_in(script: &Path, renamed: &HashMap<String, String>) -> Result<()> {
    let text = fs::read_to_string(script).with_context(|| script.display().to_string())?;
    fs::write(script, renamed_in(&text, renamed)?).with_context(|| script.display().to_string())
}

fn renamed_in(script: &str, renamed: &HashMap<String, String>) -> Result<String> {
    let mut lines = Vec::new();
    let mut defined = 0;
    for line in script.lines() {
        let definition = line.trim_start().split_once(": function(");
        let short = definition.and_then(|(name, _)| Some((name, renamed.get(name)?)));
        defined += usize::from(short.is_some());
        lines.push(short.map_or_else(|| line.to_owned(), |(name, short)| line.replacen(name, short, 1)));
    }
    (defined == renamed.len()).then(|| lines.join("\n") + "\n").context("the script defines other functions")
}

/// The name without the hash at its end; `None` if it has none.
fn without_hash(name: &str) -> Option<&str> {
    let (start, hash) = name.rsplit_once('_')?;
    let is_hash = hash.len() == HASH_LEN && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && name.starts_with("__wb")).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_removed_from_imports_and_script() {
        let mut module = Module::default();
        let ty = module.types.add(&[], &[]);
        for name in [
            "__wbg_add_0123456789abcdef",
            "__wbg_add_fedcba9876543210",
            "__wbindgen_init_externref_table",
            "load_0123456789abcdef",
        ] {
            module.add_import_func("./client_bg.js", name, ty);
        }
        let renamed = shorten(&mut module);
        let names: Vec<_> = module.imports.iter().map(|import| import.name.clone()).collect();
        assert_eq!(
            names,
            ["__wbg_add", "__wbg_add$2", "__wbindgen_init_externref_table", "load_0123456789abcdef"]
        );
        let script = "{\n  __wbg_add_0123456789abcdef: function(arg0) {\n  },\n  \
                      __wbg_add_fedcba9876543210: function() { return f(function (arg0) {\n  load: import1\n}\n";
        assert_eq!(
            renamed_in(script, &renamed).unwrap(),
            "{\n  __wbg_add: function(arg0) {\n  },\n  __wbg_add$2: function() { return f(function (arg0) {\n  \
             load: import1\n}\n"
        );
        assert!(renamed_in("{}", &renamed).is_err());
    }
}
