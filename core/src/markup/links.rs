//! Links: which URLs are allowed, and bare URLs in texts.

use linkify::{LinkFinder, LinkKind};

use super::Inline;

/// The schemes that links may have.
const SCHEMES: [&str; 3] = ["http:", "https:", "mailto:"];

/// The URL if a link may lead to it: absolute, with an allowed scheme, and without characters that browsers remove or
/// that hide a part of it.
pub(super) fn allowed(url: &str) -> Option<String> {
    let has_scheme =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let scheme = SCHEMES.into_iter().find(|scheme| has_scheme(scheme))?;
    let rest = &url[scheme.len()..];
    let is_complete =
        if scheme == "mailto:" { !rest.is_empty() } else { rest.len() > 2 && rest.starts_with("//") };
    let is_clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c));
    (is_complete && is_clean).then(|| url.to_owned())
}

/// Returns `true` for characters without a width, and those that change the direction of what follows.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Divides a text into links, for bare URLs, and the text between them. Parentheses in a URL are balanced, and punctuation
/// after it is text.
pub(super) fn find(text: &str) -> Vec<Inline> {
    if !text.contains("://") {
        return vec![Inline::Text(text.to_owned())];
    }
    let mut inlines = Vec::new();
    let mut end = 0;
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    for link in finder.links(text) {
        let Some(url) = allowed(link.as_str()) else { continue };
        if link.start() > end {
            inlines.push(Inline::Text(text[end..link.start()].to_owned()));
        }
        inlines.push(Inline::Link { content: vec![Inline::Text(url.clone())], url });
        end = link.end();
    }
    if end < text.len() {
        inlines.push(Inline::Text(text[end..].to_owned()));
    }
    inlines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<String> {
        let url = |inline| match inline {
            Inline::Link { url, .. } => Some(url),
            _ => None,
        };
        find(text).into_iter().filter_map(url).collect()
    }

    #[test]
    fn bare_urls_end_before_punctuation_and_unbalanced_parentheses() {
        assert_eq!(urls("see https://example.org/a."), ["https://example.org/a"]);
        assert_eq!(urls("(https://example.org/a_(b))"), ["https://example.org/a_(b)"]);
        assert_eq!(
            urls("<https://example.org>, http://b?c=1&d=2!"),
            ["https://example.org", "http://b?c=1&d=2"]
        );
        assert_eq!(urls("ftp://a javascript://b%0Aalert(1) data://c://d"), [""; 0]);
        assert_eq!(
            find("https://a.io"),
            [Inline::Link { url: "https://a.io".into(), content: vec![Inline::Text("https://a.io".into())] }]
        );
    }

    #[test]
    fn only_absolute_urls_with_allowed_schemes_are_allowed() {
        for url in ["http://a", "HTTPS://a.b/c?d#e", "mailto:a@b.c", "https://例え.jp/ü"] {
            assert_eq!(allowed(url).as_deref(), Some(url));
        }
        for url in [
            "",
            "http:",
            "http:a",
            "http://",
            "//a",
            "/a",
            "#a",
            "a",
            "javascript:alert(1)",
            "java\nscript:a",
            "JavaScript:alert(1)",
            " http://a",
            "http://a b",
            "http://a\u{202E}b",
            "http://a\u{200B}",
            "data:text/html,a",
            "blob:http://a",
            "file:///a",
            "mailto:",
            "vbscript:a",
            "http\u{0}://a",
            "é",
        ] {
            assert_eq!(allowed(url), None, "{url:?}");
        }
    }
}
