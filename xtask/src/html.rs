//! Parses the tags and attributes of the built page, in order. It is not a complete HTML parser.

/// A start tag.
#[derive(Debug, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    attrs: Vec<(String, String)>,
    /// The tag as it is in the page, from `<` to `>`.
    pub source: String,
    /// The text up to the next tag. For a script or style this is its inline code.
    pub text: String,
}

impl Tag {
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn attr_names(&self) -> impl Iterator<Item = &str> {
        self.attrs.iter().map(|(key, _)| key.as_str())
    }

    /// The address that this tag refers to.
    pub fn reference(&self) -> Option<&str> {
        match self.name.as_str() {
            "link" => self.attr("href"),
            "script" | "img" | "iframe" | "source" => self.attr("src"),
            _ => None,
        }
    }
}

/// The start tags of a page.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if after.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let (mut tag, after) = tag(after);
            // In a script other tags are text.
            let end = match tag.name.as_str() {
                "script" => after.find("</script"),
                "style" => after.find("</style"),
                _ => after.find('<'),
            };
            let (text, after) = after.split_at(end.unwrap_or(after.len()));
            text.clone_into(&mut tag.text);
            found.push(tag);
            rest = after;
        } else {
            rest = after;
        }
    }
    found
}

/// Parses the start tag after a `<`, and returns it with the text that follows it.
fn tag(text: &str) -> (Tag, &str) {
    let name_end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name_end);
    let mut attrs = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        let key_end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_end);
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => value(after.trim_start()),
            None => ("", after),
        };
        attrs.push((key.to_ascii_lowercase(), value.replace("&amp;", "&").replace("&#39;", "'")));
        // Skip a character that is part of neither a key nor a value, so that the loop ends.
        rest = if after.len() == rest.len() { after.get(1..).unwrap_or("") } else { after };
    }
    let source = format!("<{}", &text[..text.len() - rest.len()]);
    (Tag { name: name.to_ascii_lowercase(), attrs, source, text: String::new() }, rest)
}

/// Parses an attribute's value, and returns it with the text that follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_attributes_and_text_are_read() {
        let tags = tags(
            "<!doctype html><!-- <b> --><P class=a hidden DATA-x='1 > 0'>hi</p><br/><a href=\"./x\">y</a>",
        );
        let names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["p", "br", "a"]);
        assert_eq!(tags[0].attr("class"), Some("a"));
        assert_eq!(tags[0].attr("hidden"), Some(""));
        assert_eq!(tags[0].attr("data-x"), Some("1 > 0"));
        assert_eq!(tags[0].text, "hi");
        assert_eq!(tags[2].attr("href"), Some("./x"));
        assert_eq!(tags[2].source, "<a href=\"./x\">");
    }

    #[test]
    fn tags_inside_a_script_are_text() {
        let tags = tags("<script>if (a<b) document.write('<i>')</script><i>");
        assert_eq!(tags.len(), 2);
        assert_eq!(tags[0].text, "if (a<b) document.write('<i>')");
    }

    #[test]
    fn broken_markup_does_not_loop_or_panic() {
        for html in ["<", "<a", "<a b", "<a b=", "<a b='", "<a \"=\"", "<script>", "<!--"] {
            tags(html);
        }
    }
}
