//! `cargo xtask wasm-test`: runs a test binary for wasm32-unknown-unknown in a headless browser.
//!
//! The standard test harness works on this target: its `main` runs every `#[test]` function and returns 0, or traps in
//! the first test that fails. It cannot print, so the name of that test is taken from the stack of the trap.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::workspace::Workspace;
use crate::{browser, process};

const PASSED: &str = "harness returned 0";

pub fn wasm_test(args: &[String]) -> Result<()> {
    let workspace = Workspace::locate()?;
    let file = Path::new(args.first().context("usage: cargo xtask wasm-test FILE")?);
    let module = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let chrome =
        browser::chrome().context("a browser is missing: install Chromium or Chrome, or set CHROME")?;
    let dir = std::env::temp_dir().join(format!("parlour-wasm-test-{}", std::process::id()));
    fs::create_dir_all(&dir).context("a temporary folder cannot be created")?;
    let page = dir.join("page.html");
    fs::write(&page, page_with(&without_debug_info(&module)))?;
    let mut command = process::program(&workspace, chrome);
    command
        .args(browser::headless_args(&workspace))
        .arg(format!("--user-data-dir={}", dir.join("profile").display()));
    let dom = process::try_output(command.arg("--dump-dom").arg(format!("file://{}", page.display())));
    // If it cannot be removed, it does no harm.
    let _ = fs::remove_dir_all(&dir);
    let dom = dom.context("the browser could not be started")?;
    let result =
        dom.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(text, _)| text);
    match result {
        Some(PASSED) => {
            println!("every test of {} passed in the browser", file.display());
            Ok(())
        }
        Some(stack) => {
            bail!("a test failed in the browser; this stack contains its name:\n{}", without_addresses(stack))
        }
        None => bail!("the browser returned no result:\n{}", &dom[..dom.len().min(500)]),
    }
}

/// A stack with the names of functions only.
fn without_addresses(stack: &str) -> String {
    let lines = stack.lines().map(|line| line.split_once(" (wasm://").map_or(line, |(name, _)| name));
    lines.collect::<Vec<_>>().join("\n")
}

/// A page that runs the module and shows the result. It is synchronous, so that Chromium dumps the page afterwards.
fn page_with(module: &[u8]) -> String {
    let module = BASE64_STANDARD.encode(module);
    format!(
        "<!DOCTYPE html><pre>no result</pre><script>
Error.stackTraceLimit = 40;
const show = (text) => {{ document.querySelector('pre').textContent = text; }};
try {{
  const bytes = Uint8Array.from(atob('{module}'), (c) => c.charCodeAt(0));
  const {{ exports }} = new WebAssembly.Instance(new WebAssembly.Module(bytes), {{}});
  show(`harness returned ${{exports.main(0, 0)}}`);
}} catch (error) {{
  show(error.stack);
}}
document.currentScript.remove();
</script>"
    )
}

/// The module without its `.debug_*` sections, because browsers compile at most 8 MB on the main thread. The names of
/// functions remain.
fn without_debug_info(module: &[u8]) -> Vec<u8> {
    let (mut result, mut rest) =
        (module[..module.len().min(8)].to_vec(), module.get(8..).unwrap_or_default());
    while let Some((section, after)) = section(rest) {
        let body = &section[1..];
        let is_debug = section[0] == 0
            && leb128(body)
                .and_then(|(_, body)| leb128(body))
                .is_some_and(|(_, name)| name.starts_with(b".debug_"));
        if !is_debug {
            result.extend_from_slice(section);
        }
        rest = after;
    }
    result.extend_from_slice(rest);
    result
}

/// The first section with its id and length, and the bytes after it.
fn section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, body) = leb128(bytes.get(1..)?)?;
    bytes.split_at_checked(bytes.len() - body.len() + usize::try_from(length).ok()?)
}

/// Decodes an unsigned LEB128 number, and returns it with the bytes after it.
fn leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debug_sections_are_removed() {
        let header = b"\0asm\x01\0\0\0";
        let code = [1, 2, 9, 9];
        let debug = [0, 8, 6, b'.', b'd', b'e', b'b', b'u', b'g', 7];
        let debug_info = [0, 9, 7, b'.', b'd', b'e', b'b', b'u', b'g', b'_', 7];
        let module = [&header[..], &debug_info, &code, &debug_info, &debug].concat();
        assert_eq!(without_debug_info(&module), [&header[..], &code, &debug].concat());
        assert_eq!(without_debug_info(b"\0asm"), b"\0asm");
        assert_eq!(
            without_debug_info(&[&header[..], &[1, 0xff]].concat()),
            [&header[..], &[1, 0xff]].concat()
        );
    }

    #[test]
    fn leb128_numbers_are_decoded() {
        assert_eq!(leb128(&[0xe5, 0x8e, 0x26, 1]), Some((624_485, &[1][..])));
        assert_eq!(leb128(&[0x80]), None);
    }
}
