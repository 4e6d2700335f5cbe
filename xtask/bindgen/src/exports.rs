//! Removes exports that nothing calls, before the client is divided: the linker keeps all code that they reach.
//!
//! A dependency of Leptos exports JavaScript classes for streams, which the client never makes. Without these exports
//! wasm-bindgen generates no classes either.

use anyhow::{Context, Result, ensure};

/// The start of the classes' names in those of exports. Those of their descriptions, which wasm-bindgen runs, contain it too.
const UNUSED: &str = "intounderlying";

/// The length of a module's header, which its sections follow.
const HEADER: usize = 8;

/// The id of the section with the exports.
const EXPORTS: u8 = 7;

/// The module without the unused exports. All other bytes stay as they are, because the linker's relocations refer to
/// positions in them.
///
/// # Errors
/// The module is malformed.
pub fn without_unused(module: &[u8]) -> Result<Vec<u8>> {
    let mut output = module.get(..HEADER).context("the module has no header")?.to_vec();
    let mut rest = &module[HEADER..];
    while let Some((&id, after)) = rest.split_first() {
        let start = rest;
        rest = after;
        let len = number(&mut rest)?;
        let content = bytes(&mut rest, len)?;
        if id == EXPORTS {
            let kept = kept_exports(content)?;
            output.push(id);
            put_number(&mut output, kept.len());
            output.extend(kept);
        } else {
            output.extend(&start[..start.len() - rest.len()]);
        }
    }
    Ok(output)
}

/// The content of the section with the exports, without the unused ones.
fn kept_exports(mut content: &[u8]) -> Result<Vec<u8>> {
    let (mut kept, mut count) = (Vec::<u8>::new(), 0);
    for _ in 0..number(&mut content)? {
        let start = content;
        let len = number(&mut content)?;
        let is_unused = String::from_utf8_lossy(bytes(&mut content, len)?).contains(UNUSED);
        // The kind and the index.
        bytes(&mut content, 1)?;
        number(&mut content)?;
        if !is_unused {
            kept.extend(&start[..start.len() - content.len()]);
            count += 1;
        }
    }
    let mut section = Vec::new();
    put_number(&mut section, count);
    section.extend(kept);
    Ok(section)
}

fn bytes<'a>(input: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let (bytes, rest) = input.split_at_checked(len).context("the module is cut off")?;
    *input = rest;
    Ok(bytes)
}

/// Reads a number in LEB128.
fn number(input: &mut &[u8]) -> Result<usize> {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        ensure!(shift < 32, "a number of the module is too large");
        let byte = bytes(input, 1)?[0];
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Ok(number)
}

fn put_number(output: &mut Vec<u8>, mut number: usize) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            return output.push(byte);
        }
        output.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::Module;

    #[test]
    fn exports_of_unused_classes_are_removed() {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        let long = "x".repeat(300);
        for name in ["memory", "intounderlyingsink_write", &long, "__wbg_intounderlyingsource_free"] {
            module.exports.add(name, memory);
        }
        let kept = Module::from_buffer(&without_unused(&module.emit_wasm()).unwrap()).unwrap();
        let names: Vec<_> = kept.exports.iter().map(|export| export.name.clone()).collect();
        assert_eq!(names, ["memory", &*long]);
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        module.exports.add("memory", memory);
        let bytes = module.emit_wasm();
        assert_eq!(without_unused(&bytes).unwrap(), bytes);
    }

    #[test]
    fn malformed_module_is_an_error() {
        for module in
            [&b"\0asm"[..], b"\0asm\x01\0\0\0\x07\x05", b"\0asm\x01\0\0\0\x07\xff\xff\xff\xff\xff\xff"]
        {
            assert!(without_unused(module).is_err(), "{module:?}");
        }
    }
}
