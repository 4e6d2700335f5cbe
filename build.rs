//! Turns the translations in `lang/` into typed Rust code, so that a text or an argument that does not exist does not
//! compile. The generator is `src/i18n/generate.rs`.

#[path = "src/i18n/generate.rs"]
mod generate;
#[path = "src/i18n/template.rs"]
mod template;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=lang");
    if let Err(problem) = write_texts() {
        println!("cargo::error={problem}");
    }
}

fn write_texts() -> Result<(), String> {
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this is a build script of cargo")?;
    let code = generate::code(&generate::read_languages(Path::new("lang"))?)?;
    let file = Path::new(&out).join("texts.rs");
    fs::write(&file, code).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}
