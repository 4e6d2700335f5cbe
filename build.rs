//! Turns the translations in `lang/` into typed Rust code, so that a text or an argument that does not exist does not
//! compile. The generator is `src/i18n/generate.rs`.
//!
//! Sets the linker flags of the client. They are not in a profile or in RUSTFLAGS, because all dependencies would have to be
//! compiled again when they change.

#[path = "src/i18n/generate.rs"]
mod generate;
#[path = "src/i18n/template.rs"]
mod template;

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=lang");
    if is_env("CARGO_CFG_TARGET_ARCH", "wasm32") && is_env("PROFILE", "release") {
        // The splitter reads relocations and names to find out which function calls which. wasm-bindgen removes the names.
        let is_split = env::var_os("CARGO_FEATURE_SPLIT").is_some();
        let flag = if is_split { "--emit-relocs" } else { "--strip-all" };
        println!("cargo::rustc-link-arg-bins={flag}");
    }
    if let Err(problem) = write_texts() {
        println!("cargo::error={problem}");
    }
}

fn is_env(name: &str, value: &str) -> bool {
    env::var_os(name).is_some_and(|it| it == value)
}

fn write_texts() -> Result<(), String> {
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this is a build script of cargo")?;
    let code = generate::code(&generate::read_languages(Path::new("lang"))?)?;
    let file = Path::new(&out).join("texts.rs");
    fs::write(&file, code).map_err(|e| format!("{} cannot be written: {e}", file.display()))
}
