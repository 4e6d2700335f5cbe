//! A built page that changed is put into the binary anew.

fn main() {
    if std::env::var_os("CARGO_FEATURE_EMBED").is_some() {
        println!("cargo:rerun-if-changed=../dist");
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}
