//! Seeds of the target `markup`: each kind of markup.

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "**bold** *italic* ~~strike~~ `code` ||spoiler||",
        "# heading\n> quote\n> > deeper\nreply",
        "- a\n  - b\n1. c\n2019. d",
        "```rust\nfn main() {}\n```",
        "[a](https://b.c) https://d.e/f_(g). <h@i.j> [k]: http://l",
        "👍🏽 ❤️ 🏳️‍🌈 1️⃣",
        "[bank.example](https://evil.example) https://\u{440}\u{430}y.com",
        "<b>html</b> ![image](http://a) &amp; \\*",
        "a\n---\n    indented\n| a | b |\n|---|---|",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}
