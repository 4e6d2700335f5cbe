//! Request paths and file names.

/// The path of a request as a file name, without the leading slash; `None` if it is escaped incorrectly, is
/// not UTF-8, or leads outside.
pub(super) fn clean(path: &str) -> Option<String> {
    let bytes = path.strip_prefix('/')?.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    let name = String::from_utf8(out).ok()?;
    let leads_away = |part: &str| matches!(part, ".." | ".");
    // A remaining % was escaped itself. No asset has one, and a component behind us might unescape again.
    let strange = name.chars().any(|c| c.is_control() || matches!(c, '\\' | '%' | ':'));
    (!strange && !name.starts_with('/') && !name.contains("//") && !name.split('/').any(leads_away))
        .then_some(name)
}

/// The content type of a file.
pub(super) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("woff2") => "font/woff2",
        Some("mp3") => "audio/mpeg",
        Some("ogg" | "opus") => "audio/ogg",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Returns `true` if the name contains a hash of the content: at least 8 hexadecimal digits after a dash, as in
/// `main-0123456789abcdef.css` and `page-0123456789abcdef_bg.wasm`.
pub(super) fn is_hashed(name: &str) -> bool {
    name.split('-').skip(1).any(|part| {
        let digits = part.bytes().take_while(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')).count();
        digits >= 8 && matches!(part.as_bytes().get(digits), Some(b'.' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_the_directory() {
        assert_eq!(clean("/").as_deref(), Some(""));
        assert_eq!(clean("/a/b%20c.js").as_deref(), Some("a/b c.js"));
        assert_eq!(clean("/%e6%9d%8e").as_deref(), Some("李"));
        for path in [
            "/..",
            "/../etc/passwd",
            "/a/../../b",
            "/%2e%2e/x",
            "/%2E%2E%2Fx",
            "/..%2fx",
            "/.%2e/x",
            "/..\\x",
            "/%5c..%5cx",
            "/a%00.js",
            "/%c0%ae%c0%ae/x",
            "/%252e%252e/x",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/%",
            "/%zz",
            "/%+1",
            "/./a",
            "/c:/x",
            "x",
            "",
        ] {
            assert_eq!(clean(path), None, "{path}");
        }
    }

    #[test]
    fn hashed_names_are_recognised() {
        for name in [
            "parlour-client-0123456789abcdef.js",
            "parlour-client-0123456789abcdef_bg.wasm",
            "main-deadbeef.css",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in
            ["index.html", "config.json", "a-deadbee.css", "deadbeef.css", "a-deadbeefx.css", "icon-512.png"]
        {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
