//! The hosts of links: whether the text of a link shows where it leads.

use std::ops::Range;

use super::{Inline, links::is_invisible, plain};

/// The place of the host in a URL with an allowed scheme, as it was typed; of an address for mail, of what is behind its `@`.
#[must_use]
pub fn host_of(url: &str) -> Range<usize> {
    let is_slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let bytes = url.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
    let mut start = colon + bytes[colon..].iter().take_while(|byte| is_slash(byte)).count();
    let (is_mail, mut end, mut port) = (is_mail(url), start, None);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'?' => break,
            b'/' | b'\\' | b'#' if !is_mail => break,
            b'@' => (start, port) = (at + 1, None),
            b':' => port = Some(at),
            b'0'..=b'9' => {}
            // In an address of IPv6.
            _ => port = None,
        }
        end = at + 1;
    }
    start..port.unwrap_or(end)
}

fn is_mail(url: &str) -> bool {
    begins_with(url, "mailto:")
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// Returns `true` if the text of a link does not show the host that the link leads to, so that the host is to be shown beside it:
///
/// - the text has something that looks like the name of another host;
/// - the host's name has other letters than those of ASCII, which may look like ASCII or like each other, and is not in the text
///   in its ASCII form; see [`has_clear_letters`];
/// - the text has characters that change its direction.
///
/// `host` is the name in ASCII, from the browser, which alone knows where it goes.
#[must_use]
pub fn hides_host(content: &[Inline], url: &str, host: &str) -> bool {
    let text = plain::text_of(content);
    let range = host_of(url);
    let typed = &url[range.clone()];
    let is_clear = has_clear_letters(typed);
    let is_host = |name: &str| name.eq_ignore_ascii_case(host) || is_clear && name == typed;
    let may_be_unnamed = is_clear || !host.split('.').any(|label| label.starts_with("xn--"));

    // The URL, with or without its scheme. Behind the name of a user there is another one.
    let is_complete = text.len() + range.start >= url.len() && url.ends_with(text.as_str());
    if is_complete && is_host(typed) && !url.contains('\\') && !url[..range.start].ends_with('@') {
        return !may_be_unnamed && !typed.eq_ignore_ascii_case(host);
    }

    let mut visible = String::new();
    for c in text.chars() {
        match c {
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => return true,
            '\u{2024}' | '\u{FF0E}' | '\u{FF61}' => visible.push('.'),
            // It ends sentences too.
            '。' if visible.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric) => visible.push('.'),
            c if is_invisible(c) => {}
            c => visible.push(c),
        }
    }
    let (mut is_named, mut end) = (may_be_unnamed, 0);
    for part in visible.split(|c| !may_be_in_host(c)) {
        let start = end;
        end = start + part.len();
        let name = part.trim_matches('.');
        let is_after_scheme = !name.is_empty() && visible[..start].ends_with("://");
        let is_user = is_mail(url) && visible[end..].starts_with('@');
        if is_after_scheme || looks_like_host(name) && !is_user {
            if !is_host(name) {
                return true;
            }
            is_named |= name.eq_ignore_ascii_case(host);
        }
        end += visible[end..].chars().next().map_or(0, char::len_utf8);
    }
    !is_named
}

/// Returns `true` for a domain with a dot, such as `example.org`, and for four numbers. Also for `README.md`: hosts under new
/// domains cannot be told from it.
fn looks_like_host(name: &str) -> bool {
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let (mut before, mut is_domain, mut numbers) = ("", false, 0);
    for label in name.split('.') {
        is_domain |= !before.is_empty() && label.len() > 1 && !is_number(label);
        numbers += usize::from(is_number(label));
        before = label;
    }
    is_domain || numbers == 4
}

/// Returns `true` for all characters except spaces, symbols and punctuation, of which some look like a slash or a colon.
fn may_be_in_host(c: char) -> bool {
    match c {
        '-' | '_' | '.' => true,
        '\u{2000}'..='\u{2BFF}' | '\u{3000}'..='\u{303F}' | '\u{FE10}'..='\u{FE6F}' => false,
        '\u{FF00}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' => false,
        c => c.is_ascii_alphanumeric() || c >= '\u{C0}',
    }
}

// ---- letters

/// A script whose letters can be shown in the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    /// ASCII, and its letters with diacritics.
    Latin,
    /// Chinese and Japanese.
    Han,
    Hangul,
    Thai,
    Devanagari,
}

impl Script {
    /// The script of a letter. `None` for those that look like ones of ASCII or like a slash; so are all letters of Cyrillic and
    /// Greek, many of which do. Those that are written from right to left would change the order of the labels.
    fn of(c: char) -> Option<Self> {
        match c {
            'a'..='z' | 'A'..='Z' => Some(Self::Latin),
            'Ð' | '×' | 'Þ' | 'ð' | '÷' | 'þ' | 'ı' | 'ĸ' | 'Ŀ' | 'ŀ' | 'ŉ' | 'Ŋ' | 'ŋ' | 'ſ' => {
                None
            }
            '\u{C0}'..='\u{17F}' => Some(Self::Latin),
            'ノ' | '丨' | '丶' | '丿' => None,
            '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | 'ー' | '々' | '\u{4E00}'..='\u{9FFF}' => {
                Some(Self::Han)
            }
            '\u{AC00}'..='\u{D7A3}' => Some(Self::Hangul),
            '\u{E01}'..='\u{E4E}' => Some(Self::Thai),
            '\u{904}'..='\u{94D}' => Some(Self::Devanagari),
            _ => None,
        }
    }
}

/// Returns `true` if a host has letters beyond ASCII, and all of its labels have letters of one script that look like no
/// others. The rule is stricter than that of browsers, which have tables of all letters that look alike.
fn has_clear_letters(host: &str) -> bool {
    !host.is_ascii() && host.split('.').all(is_clear_label)
}

fn is_clear_label(label: &str) -> bool {
    let mut script = None;
    let mut is_like_ascii = !label.is_empty();
    for c in label.chars().filter(|c| !c.is_ascii_digit() && *c != '-') {
        let of = Script::of(c);
        if of.is_none() || script.is_some() && script != of {
            return false;
        }
        script = of;
        is_like_ascii &= "ทนบพรหเแดลปฟมวาใไงสอ\u{E47}ठरगटअ".contains(c);
    }
    (script.is_none() || !is_like_ascii) && !label.is_empty() && !begins_with(label, "xn--")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a link with this text hides its host.
    fn hides(text: &str, url: &str, host: &str) -> bool {
        hides_host(&[Inline::Text(text.to_owned())], url, host)
    }

    /// The same for a bare URL.
    fn hides_bare(url: &str, host: &str) -> bool {
        hides(url, url, host)
    }

    #[test]
    fn host_is_as_it_was_typed() {
        for (url, host) in [
            ("https://example.org", "example.org"),
            ("HTTP://a:b@Example.org:80/c@d?e#f", "Example.org"),
            ("https:///a.io\\@b.io", "a.io"),
            ("https://[::1]:8080/", "[::1]"),
            ("https://[::1]/", "[::1]"),
            ("mailto:a@b.io,c@d.io?cc=e@f.io", "d.io"),
            ("MAILTO:a/b#c@d.io", "d.io"),
            ("https://例え.jp?a", "例え.jp"),
        ] {
            assert_eq!(&url[host_of(url)], host, "{url}");
        }
    }

    #[test]
    fn plain_urls_and_texts_hide_nothing() {
        for url in [
            "https://example.org",
            "http://Example.org:8080/a_(b)?c=https://d.io#e.io",
            "https://a.io/@user/page.html",
        ] {
            let host = url[host_of(url)].to_ascii_lowercase();
            assert!(!hides_bare(url, &host), "{url}");
            assert!(!hides("see this, e.g. version 2.1... or 3", url, &host));
            assert!(!hides(&url[host_of(url).start..], url, &host));
        }
        assert!(!hides_bare("http://[::1]:80/a", "[::1]"));
        assert!(!hides("a.b@example.org", "mailto:a.b@example.org", "example.org"));
        assert!(!hides("看这里。谢谢", "https://example.org", "example.org"));
        assert!(!hides("👨‍👩‍👧", "https://example.org", "example.org"));
    }

    #[test]
    fn texts_that_look_like_another_host_hide_it() {
        for text in [
            "https://bank.example",
            "bank.example",
            "Go to WWW.Bank.Example now!",
            "https://bank.example.evil.example",
            "evil.example.bank.example",
            "bank.example@evil.example/ and bank.example/",
            "https://localhost",
            "10.0.0.1",
            "https:\u{2215}\u{2215}bank.example\u{2215}login",
            "bank\u{FF0E}example",
            "bank\u{3002}example",
            "bank\u{200B}.example",
            "bank.\u{2060}example",
            "(bank.example)",
            "b\u{430}nk.example",
            "x@bank.example",
            "\u{202E}elpmaxe.knab",
            "\u{202E}knab",
            "my bank\u{2066}",
            "https://evil.example\\@bank.example",
            "bank.example://evil.example",
            "bank.example.a",
            "bank.example@x",
        ] {
            assert!(hides(text, "https://evil.example/", "evil.example"), "{text}");
        }
        for url in ["https://bank.example@evil.example/", "https://bank.example:443@evil.example"] {
            assert!(hides_bare(url, "evil.example"), "{url}");
        }
        assert!(hides_bare("https://evil.example\\@bank.example", "evil.example"));
        assert!(hides_bare("http://2130706433/", "127.0.0.1"));
        assert!(hides_bare("http://\u{FF45}vil.example", "evil.example"));
        assert!(hides("a@bank.example", "mailto:a@evil.example", "evil.example"));
    }

    #[test]
    fn letters_that_look_alike_hide_the_host() {
        for (url, host) in [
            ("https://\u{440}\u{430}y.com", "xn--y-7sb7d.com"),
            ("https://пример.рф", "xn--e1afmkfd.xn--p1ai"),
            ("https://αβγ.gr", "xn--mxacd.gr"),
            ("https://ap\u{131}.com", "xn--ap-gpa.com"),
            ("https://例えa.jp", "xn--a-x.jp"),
            ("https://bank.com\u{30CE}a.jp", "xn--x.jp"),
            ("https://bank.com.\u{30CE}.a.jp", "xn--x.jp"),
            ("https://เแ.com", "xn--x.com"),
            ("https://%D0%B0b.com", "xn--x.com"),
            ("https://אבג.com", "xn--x.com"),
            ("https://例え.XN--p1ai", "xn--x.xn--p1ai"),
        ] {
            assert!(hides_bare(url, host), "{url}");
            assert!(hides("here", url, host), "{url}");
            assert!(!hides(host, url, host), "{host} is shown");
        }
        assert!(!hides_bare("https://xn--e1awd7f.com/a", "xn--e1awd7f.com"));
        assert!(hides("epic.com", "https://xn--e1awd7f.com/a", "xn--e1awd7f.com"));
        assert!(hides("here", "https://xn--e1awd7f.com/a", "xn--e1awd7f.com"));
    }

    #[test]
    fn letters_of_one_clear_script_are_shown() {
        for (url, host) in [
            ("https://例え.jp/ü", "xn--r8jz45g.jp"),
            ("http://中文-2.中国:80", "xn---2-x.xn--fiqs8s"),
            ("https://スーパー.jp", "xn--x.jp"),
            ("https://한국.kr", "xn--x.kr"),
            ("https://bücher.example", "xn--bcher-kva.example"),
            ("https://ประเทศไทย.th", "xn--x.th"),
            ("https://भारत.in", "xn--x.in"),
        ] {
            assert!(!hides_bare(url, host), "{url}");
            assert!(!hides("here", url, host), "{url}");
            assert!(hides("bank.example", url, host), "{url}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))] // proptest is not available there
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn nothing_around_the_name_of_another_host_hides_it(
            before in "[ (/:@.。a字\u{2215}\u{FF0F}\u{200B}\u{202E}👍]{0,4}", after in "[ )/?#:@.。a字\u{2215}\u{200B}]{0,4}",
        ) {
            let text = format!("{before}bank.example{after}");
            proptest::prop_assert!(hides(&text, "https://evil.example/", "evil.example"), "{:?}", text);
        }

        #[test]
        fn any_text_and_url_has_an_answer(text in "\\PC{0,20}", url in "(https?://|mailto:)\\PC{0,20}") {
            let host = &url[host_of(&url)];
            hides(&text, &url, host);
        }
    }
}
