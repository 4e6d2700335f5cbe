//! Runs a test binary for wasm32-unknown-unknown in a headless browser.
//!
//! The standard test harness works there, plain `#[test]` and all: its `main` runs every test and returns 0, or
//! traps in the first that fails. It has no way to print, so the names come from the trap's stack.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::place::Place;
use crate::{browser, sh};

const PASSED: &str = "harness returned 0";

pub fn wasm_test(args: &[String]) -> Result<()> {
    let place = Place::find()?;
    let file = Path::new(args.first().context("usage: cargo xtask wasm-test FILE")?);
    let module = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let chrome =
        browser::chrome().context("a browser is missing: install Chromium or Chrome, or set CHROME")?;
    let dir = std::env::temp_dir().join(format!("parlour-wasm-test-{}", std::process::id()));
    fs::create_dir_all(&dir).context("no temporary folder can be made")?;
    let page = dir.join("page.html");
    fs::write(&page, page_around(&without_debug_info(&module)))?;
    let mut command = sh::program(&place, chrome);
    command
        .args(browser::headless_args(&place))
        .arg(format!("--user-data-dir={}", dir.join("profile").display()));
    let answer = sh::ask(command.arg("--dump-dom").arg(format!("file://{}", page.display())));
    // Left behind it only takes room.
    let _ = fs::remove_dir_all(&dir);
    let answer = answer.context("the browser could not be started")?;
    let verdict =
        answer.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(text, _)| text);
    match verdict {
        Some(PASSED) => {
            println!("every test of {} passed in the browser", file.display());
            Ok(())
        }
        Some(other) => {
            bail!("a test failed in the browser; the one named in this stack:\n{}", shortened(other))
        }
        None => bail!("the browser gave no verdict:\n{}", &answer[..answer.len().min(500)]),
    }
}

/// A stack without the addresses that follow every name.
fn shortened(stack: &str) -> String {
    let lines = stack.lines().map(|line| line.split_once(" (wasm://").map_or(line, |(name, _)| name));
    lines.collect::<Vec<_>>().join("\n")
}

/// Everything happens before the page is loaded, so what is dumped is the verdict.
fn page_around(module: &[u8]) -> String {
    let module = BASE64_STANDARD.encode(module);
    format!(
        "<!DOCTYPE html><pre>nothing ran</pre><script>
Error.stackTraceLimit = 40;
const say = (text) => {{ document.querySelector('pre').textContent = text; }};
try {{
  const bytes = Uint8Array.from(atob('{module}'), (c) => c.charCodeAt(0));
  const {{ exports }} = new WebAssembly.Instance(new WebAssembly.Module(bytes), {{}});
  say(`harness returned ${{exports.main(0, 0)}}`);
}} catch (error) {{
  say(error.stack);
}}
document.currentScript.remove();
</script>"
    )
}

/// The module less its `.debug_*` sections: a browser's main thread takes at most 8 MB. Function names stay.
fn without_debug_info(module: &[u8]) -> Vec<u8> {
    let (mut kept, mut rest) = (module[..module.len().min(8)].to_vec(), module.get(8..).unwrap_or_default());
    while let Some((section, after)) = section(rest) {
        let body = &section[1..];
        let is_debug = section[0] == 0
            && leb128(body)
                .and_then(|(_, body)| leb128(body))
                .is_some_and(|(_, name)| name.starts_with(b".debug_"));
        if !is_debug {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

/// The first section, its id and length included, and what follows it.
fn section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, body) = leb128(bytes.get(1..)?)?;
    bytes.split_at_checked(bytes.len() - body.len() + usize::try_from(length).ok()?)
}

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
    fn drops_debug_sections_alone() {
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
    fn reads_leb128() {
        assert_eq!(leb128(&[0xe5, 0x8e, 0x26, 1]), Some((624_485, &[1][..])));
        assert_eq!(leb128(&[0x80]), None);
    }
}
