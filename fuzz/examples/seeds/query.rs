//! Seeds of the target `query`: a query, and messages that it finds or that are similar.

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    let long_word = "ö".repeat(70);
    let long_query = "ab ".repeat(70);
    [
        &["foo bar", "Foo and BARs", "bar", "barfoo foobar"][..],
        &["pawel strasse", "Paweł, Straße", "PAWEL STRASSE"],
        &["用Rust写", "他用Rust写服务器", "用 rust 写", "写rust用"],
        &["10.0.0.1", "10.0.0.1:8080", "10.0.0.12", "10 0 0 1", "110.0.0.1"],
        &["c++ C#", "C++ and c#.", "c", "C+"],
        &["(@tom) .net 100%", "@tom .net: 100%", "tom net 100"],
        &["\"foo bar\" x", "foo bar x", "foo, bar x", "foo barx x", "bar foo x"],
        &["“Foo, bar.” \"ba", "x foo, bar. ba", "foo bar bar"],
        &["say \"so", "\"so\" they say", "sow say"],
        &["服，务", "服,务", "服务", "服 务"],
        &["👍🏽 ❤️", "👍 ❤", "👍🏿❤️❤️"],
        &["한국 ครับ がパ", "한국어 ครับผม がパ", "か"],
        &["don’t a\u{2011}b", "don't a-b", "dont ab"],
        &["\u{FDFA}ﬁ２ ｆｕｌｌ", "صلى الله عليه وسلم fin2 full", "\u{FDFA}ﬁ２ ｆｕｌｌ"],
        &["نُقطة क़ é", "نقطة क़ e\u{301}", "क e"],
        &["??? … \" + \"", "???", "\" + \""],
        &["* OR NEAR(a b) -x \"", "or near a b x", "NEAR"],
        &[&long_word, &long_word, &long_word[..130]],
        &[&long_query, &long_query, "ab"],
        &["a b c d e f g h i j k l m n o p q r s", "a b c d e f g h i j k l m n o p", "s r q"],
        &["\0x \u{a0}y", "x y", "\u{2028}x\ty"],
    ]
    .map(|lines| lines.join("\n").into_bytes())
    .into()
}
