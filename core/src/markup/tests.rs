//! The rules of the markup, by examples, and by random texts.

use super::*;

/// A document in short: `P` paragraph, `H` heading, `Q` quote, `L` list, `C` code, `E` emoji; `b`, `i`, `s`, `x` styles, `c` code, `a` link, and
/// `/` for a line break.
fn show(text: &str) -> String {
    blocks(&parse(text).blocks)
}

fn blocks(list: &[Block]) -> String {
    let of = |block: &Block| match block {
        Block::Paragraph(content) => format!("P[{}]", inlines(content)),
        Block::Heading(content) => format!("H[{}]", inlines(content)),
        Block::Emoji(text) => format!("E[{text}]"),
        Block::Code { language, text } => format!("C({language})[{text}]"),
        Block::Quote(list) => format!("Q[{}]", blocks(list)),
        Block::List(items) => {
            let of = |item: &Item| {
                format!("({})[{}]", item.number.as_deref().unwrap_or("-"), blocks(&item.blocks))
            };
            format!("L{}", items.iter().map(of).collect::<String>())
        }
    };
    list.iter().map(of).collect::<Vec<_>>().join(" ")
}

fn inlines(list: &[Inline]) -> String {
    let of = |inline: &Inline| match inline {
        Inline::Text(text) => text.clone(),
        Inline::Break => "/".into(),
        Inline::Code(text) => format!("c[{text}]"),
        Inline::Link { url, content } => format!("a({url})[{}]", inlines(content)),
        Inline::Styled(style, content) => {
            let letter = match style {
                Style::Bold => 'b',
                Style::Italic => 'i',
                Style::Strike => 's',
                Style::Spoiler => 'x',
            };
            format!("{letter}[{}]", inlines(content))
        }
    };
    list.iter().map(of).collect()
}

#[test]
fn texts_have_styles_and_line_breaks() {
    for (text, shown) in [
        ("", ""),
        ("hello", "P[hello]"),
        ("a\nb  \nc\\\nd", "P[a/b/c\\/d]"),
        ("a\n\nb", "P[a] P[b]"),
        ("**a *b* ~~c~~** `d *e*`", "P[b[a i[b] s[c]] c[d *e*]]"),
        ("2 * 3 * 4, snake_case_name, ~5 and ~6~", "P[2 * 3 * 4, snake_case_name, ~5 and ~6~]"),
        (r"\*not bold\* &amp; &lt;", "P[*not bold* &amp; &lt;]"),
        ("# a *b* #\nc", "H[a i[b]] P[c]"),
        ("#hashtag", "P[#hashtag]"),
        ("a\n---\nb\n\n***", "P[a/---] P[b] P[***]"),
        ("    indented\n\n\tb", "P[indented//b]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
}

#[test]
fn spoilers_are_pairs_of_two_bars() {
    for (text, shown) in [
        ("||a **b**||c", "P[x[a b[b]]c]"),
        ("a || b", "P[a || b]"),
        ("a||||b", "P[a||||b]"),
        ("||a||b||", "P[x[a]b||]"),
        ("`||a||`", "P[c[||a||]]"),
        (r"\|\|a\|\|", "P[||a||]"),
        ("||https://a.io||", "P[x[a(https://a.io)[https://a.io]]]"),
        ("||a\nb||", "P[x[a/b]]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
}

#[test]
fn blocks_are_quotes_lists_and_code() {
    for (text, shown) in [
        ("> a\n> b\nc", "Q[P[a/b]] P[c]"),
        ("> > a\n> b", "Q[Q[P[a/b]]]"),
        ("- a\n- b\n  - c", "L(-)[P[a]](-)[P[b] L(-)[P[c]]]"),
        ("1. a\n2019. b", "L(1)[P[a]](2019)[P[b]]"),
        ("2019. What a year", "L(2019)[P[What a year]]"),
        ("- a\n\n  b", "L(-)[P[a] P[b]]"),
        ("- [ ] a", "L(-)[P[[ ] a]]"),
        ("```rust\nfn a() {}\n  > b\n```\nc", "C(rust)[fn a() {}\n  > b] P[c]"),
        ("```\n||a||\n", "C()[||a||]"),
        ("| a | b |\n|---|---|\n| c | d |", "P[| a | b |/|---|---|/| c | d |]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
}

#[test]
fn html_and_images_are_text() {
    for (text, shown) in [
        ("<b>a</b>", "P[<b>a</b>]"),
        ("<script>\nalert(1)\n</script>", "P[<script>/alert(1)/</script>]"),
        ("a <!-- b --> c", "P[a <!-- b --> c]"),
        ("![a](http://b.io)", "P[![a](a(http://b.io)[http://b.io])]"),
        ("[^1]\n\n[^1]: a", "P[[^1]] P[[^1]: a]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
}

#[test]
fn links_lead_to_allowed_urls() {
    for (text, shown) in [
        ("[a *b*](https://c.d)", "P[a(https://c.d)[a i[b]]]"),
        ("[a](javascript:alert(1))", "P[[a](javascript:alert(1))]"),
        ("[a](/b) [c](//d) [e](#f)", "P[[a](/b) [c](//d) [e](#f)]"),
        (r#"[a](http://b "c")"#, r#"P[[a](a(http://b)[http://b] "c")]"#),
        ("<https://a.io> <a@b.c> <x:y>", "P[a(https://a.io)[https://a.io] a(mailto:a@b.c)[a@b.c] <x:y>]"),
        ("see https://a.io/c_d_e.", "P[see a(https://a.io/c_d_e)[https://a.io/c_d_e].]"),
        ("[https://a.io](https://c.d)", "P[a(https://c.d)[https://a.io]]"),
        ("[a]: http://b.io\nd [a]", "P[[a]: a(http://b.io)[http://b.io]] P[d a(http://b.io)[a]]"),
        ("> [a]: http://b.io 'd\n> e'\n> f", "Q[P[[a]: a(http://b.io)[http://b.io] 'd/e'] P[f]]"),
        ("- [a]: http://b.io", "L(-)[P[[a]: a(http://b.io)[http://b.io]]]"),
        ("- [a]: http://b.io\n  **c**", "L(-)[P[[a]: a(http://b.io)[http://b.io]] P[b[c]]]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
}

#[test]
fn emoji_without_other_text_are_a_block() {
    for (text, shown) in [
        ("👍🏽 ❤️", "E[👍🏽 ❤️]"),
        (" *️⃣*️⃣ ", "E[*️⃣*️⃣]"),
        ("1️⃣", "E[1️⃣]"),
        ("👍 ok", "P[👍 ok]"),
        ("👍\n👍", "P[👍/👍]"),
        ("**👍**", "P[b[👍]]"),
        ("123", "P[123]"),
    ] {
        assert_eq!(show(text), shown, "{text:?}");
    }
    assert_eq!(parse(" 👍 ").line(9), "👍");
}

#[test]
fn deep_markup_is_flat() {
    let deep = format!("{}a", "> ".repeat(1000));
    assert_eq!(show(&deep), format!("{}P[a]{}", "Q[".repeat(9), "]".repeat(9)));
    let numbered = format!("{}a", "1. ".repeat(30));
    assert!(numbered.matches('1').count() == show(&numbered).matches('1').count(), "{}", show(&numbered));
    let long = "*a **b ".repeat(10_000);
    assert!(depth(&parse(&long).blocks) <= 2 * MAX_DEPTH);
}

#[test]
fn plain_text_has_no_marks() {
    let document = parse("# a\n**b** `c` ||d||\n- e\n  3. f\n> g\n```\nh\n```\n[i](http://j.k)");
    assert_eq!(document.text(), "a\nb c d\n• e\n3. f\ng\nh\ni");
    assert_eq!(document.line(100), "a b c ▒▒▒ • e 3. f g h i");
    assert_eq!(document.line(5), "a b …");
    assert_eq!(parse("    a  \nb\n- c\n\n  d").text(), "a  \nb\n• c\nd");
    assert_eq!(parse("").line(5), "");
    assert_eq!(parse("日本語日本語").line(3), "日本…");
}

#[test]
fn texts_without_marks_need_no_parsing() {
    for text in ["hello", "", "a\nb", "你好, world! (yes) 5", "a - b"] {
        assert!(!may_have_markup(text), "{text:?}");
    }
    for text in ["- a", "1. a", "a *b*", "http://a.b", "||a||", "# a", "`a`", "a\n  2) b", "+ a"] {
        assert!(may_have_markup(text), "{text:?}");
    }
}

fn depth(list: &[Block]) -> usize {
    let of_inlines = |content: &[Inline]| 1 + inline_depth(content);
    let of = |block: &Block| match block {
        Block::Paragraph(content) | Block::Heading(content) => of_inlines(content),
        Block::Code { .. } | Block::Emoji(_) => 1,
        Block::Quote(blocks) => 1 + depth(blocks),
        Block::List(items) => 1 + items.iter().map(|item| 1 + depth(&item.blocks)).max().unwrap_or(0),
    };
    list.iter().map(of).max().unwrap_or(0)
}

fn inline_depth(list: &[Inline]) -> usize {
    let of = |inline: &Inline| match inline {
        Inline::Styled(_, content) | Inline::Link { content, .. } => 1 + inline_depth(content),
        _ => 1,
    };
    list.iter().map(of).max().unwrap_or(0)
}

#[cfg(not(target_arch = "wasm32"))]
mod random {
    use proptest::prelude::*;

    use super::*;

    /// Texts of pieces that have a meaning together.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "*",
                "**",
                "_",
                "~~",
                "~",
                "||",
                "`",
                "```",
                "```\n",
                "\n",
                "\n\n",
                "> ",
                "- ",
                "1. ",
                "20) ",
                "    ",
                "\t",
                "# ",
                "---",
                "===",
                "[",
                "](https://x.y)",
                "](y)",
                "!",
                "<",
                ">",
                "<b>",
                "</b>",
                "<!--",
                "-->",
                "http://a.io/c",
                "\\",
                "&amp;",
                "&#65;",
                "a",
                "b2",
                "ü",
                "字",
                "👍🏽",
                "❤️",
                "2️⃣",
                " ",
                "  \n",
                "|",
                "(",
                ")",
                ".",
                ":",
                "\u{202E}",
                "\u{0}",
            ])
            .prop_map(str::to_owned),
            "\\PC{0,4}",
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// All letters and digits in the order of the source: what is shown, the URLs of links that have another text, and the
    /// languages of code.
    fn letters(list: &[Block]) -> String {
        fn of_inlines(list: &[Inline], out: &mut String) {
            for inline in list {
                match inline {
                    Inline::Text(text) | Inline::Code(text) => out.push_str(text),
                    Inline::Break => {}
                    Inline::Styled(_, content) => of_inlines(content, out),
                    Inline::Link { url, content } => {
                        let start = out.len();
                        of_inlines(content, out);
                        if url.trim_start_matches("mailto:") != &out[start..] {
                            out.push_str(url);
                        }
                    }
                }
            }
        }
        fn of_blocks(list: &[Block], out: &mut String) {
            for block in list {
                match block {
                    Block::Paragraph(content) | Block::Heading(content) => of_inlines(content, out),
                    Block::Code { language, text } => out.extend([language.as_str(), text]),
                    Block::Emoji(text) => out.push_str(text),
                    Block::Quote(list) => of_blocks(list, out),
                    Block::List(items) => {
                        for item in items {
                            out.push_str(item.number.as_deref().unwrap_or_default());
                            of_blocks(&item.blocks, out);
                        }
                    }
                }
            }
        }
        let mut out = String::new();
        of_blocks(list, &mut out);
        out.retain(char::is_alphanumeric);
        out
    }

    fn nodes(list: &[Block]) -> usize {
        fn of_inlines(list: &[Inline]) -> usize {
            let of = |inline: &Inline| match inline {
                Inline::Styled(_, content) | Inline::Link { content, .. } => 1 + of_inlines(content),
                _ => 1,
            };
            list.iter().map(of).sum()
        }
        let of = |block: &Block| match block {
            Block::Paragraph(content) | Block::Heading(content) => 1 + of_inlines(content),
            Block::Code { .. } | Block::Emoji(_) => 1,
            Block::Quote(list) => 1 + nodes(list),
            Block::List(items) => 1 + items.iter().map(|item| 1 + nodes(&item.blocks)).sum::<usize>(),
        };
        list.iter().map(of).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_letter_is_kept(text in text()) {
            let document = parse(&text);
            let mut typed = text.clone();
            typed.retain(char::is_alphanumeric);
            prop_assert_eq!(letters(&document.blocks), typed);
        }

        #[test]
        fn the_tree_is_bounded(text in text()) {
            let document = parse(&text);
            prop_assert!(depth(&document.blocks) <= 2 * MAX_DEPTH);
            prop_assert!(nodes(&document.blocks) <= 4 * text.len());
        }

        #[test]
        fn a_text_without_markup_is_shown_as_it_is(text in text()) {
            if !may_have_markup(&text) {
                let shown: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let document = parse(&text).text();
                let lines: Vec<_> = document.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                prop_assert_eq!(lines, shown);
            }
        }
    }
}
