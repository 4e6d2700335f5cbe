//! Joins the stylesheets of the bundle, so that a browser makes two requests instead of one for each file in `style/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::check::integrity;
use crate::fingerprint::hex;
use crate::html::{Tag, tags};

/// The files of `style/` that the login page needs. The others are loaded with the room, or with a part of the client.
const LOGIN: [&str; 5] = ["tokens", "base", "shared", "login", "settings"];

/// The files that only some parts of the client need, each with the names of these. Their order among the others is not defined.
const PARTS: [(&str, &str); 5] = [
    ("markup", "markup"),
    ("tools", "message"),
    ("dialogs", "dialogs settings account"),
    ("switcher", "side"),
    ("emoji", "emoji"),
];

/// Replaces the stylesheets that the page links to with one for the login page, one for the room, which is loaded like its
/// module, and those of other parts. Each contains its files in the order of their links.
pub fn join(dist: &Path) -> Result<()> {
    let index = dist.join("index.html");
    let page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    let (mut login, mut room) = (Vec::new(), Vec::new());
    let mut parts = PARTS.map(|(file, parts)| (file, parts, Vec::new()));
    let tags = tags(&page);
    for name in tags.iter().filter(|tag| is_stylesheet(tag)).filter_map(Tag::reference) {
        let file = dist.join(name);
        let part = parts.iter_mut().find(|(file, ..)| is_file(name, file));
        let css = match part {
            Some((.., css)) => css,
            None if LOGIN.iter().any(|stem| is_file(name, stem)) => &mut login,
            None => &mut room,
        };
        css.extend(fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?);
        fs::remove_file(&file)?;
    }
    let link = |stem: &str, css: &[u8], attributes: &str| -> Result<String> {
        let name = format!("{stem}-{}.css", &hex(&Sha256::digest(css))[..16]);
        fs::write(dist.join(&name), css).context("dist/ cannot be written")?;
        Ok(format!("<link href=./{name} integrity={} {attributes}>", integrity(css)))
    };
    let mut links = link("style", &login, "rel=stylesheet")?;
    for (file, parts, css) in [("room", "room", room)].into_iter().chain(parts) {
        links += &link(file, &css, &format!("rel=part data-parts=\"{parts}\""))?;
    }
    fs::write(&index, with_links(&page, &links)).context("dist/index.html cannot be written")
}

/// Returns `true` for a file of `style/` with this name, which may have a hash in the bundle.
fn is_file(name: &str, stem: &str) -> bool {
    name.trim_start_matches("./").strip_prefix(stem).is_some_and(|rest| rest.starts_with(['-', '.']))
}

fn is_stylesheet(tag: &Tag) -> bool {
    tag.name == "link" && tag.attr("rel") == Some("stylesheet")
}

/// The page with `links` in the place of the first link to a stylesheet and without the others.
fn with_links(page: &str, links: &str) -> String {
    let mut page = page.to_owned();
    for (number, tag) in tags(&page.clone()).iter().filter(|tag| is_stylesheet(tag)).enumerate() {
        page = page.replacen(&tag.source, if number == 0 { links } else { "" }, 1);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stylesheets_of_login_page_room_and_parts_are_joined_in_their_order() {
        let dist = std::env::temp_dir().join(format!("xtask-stylesheet-{}", std::process::id()));
        fs::create_dir_all(&dist).unwrap();
        let files =
            ["tokens-01.css", "login-02.css", "loginroom.css", "dialogs-04.css", "room-03.css", "shared.css"];
        let mut page = "<head><link rel=icon href=i>".to_owned();
        for name in files {
            fs::write(dist.join(name), format!("{name}{{}}")).unwrap();
            page += &format!("<link href=./{name} rel=\"stylesheet\">");
        }
        fs::write(dist.join("index.html"), page + "<title>x</title></head>").unwrap();
        join(&dist).unwrap();

        let page = fs::read_to_string(dist.join("index.html")).unwrap();
        let css = |rel: &str, part: Option<&str>| {
            let tags = tags(&page);
            let is_wanted = |tag: &&Tag| tag.attr("rel") == Some(rel) && tag.attr("data-parts") == part;
            let links: Vec<_> = tags.iter().filter(is_wanted).collect();
            let [link] = links[..] else { panic!("{page}") };
            let css = fs::read_to_string(dist.join(link.reference().unwrap())).unwrap();
            assert_eq!(link.attr("integrity"), Some(&*integrity(css.as_bytes())));
            css
        };
        assert_eq!(css("stylesheet", None), "tokens-01.css{}login-02.css{}shared.css{}");
        assert_eq!(css("part", Some("room")), "loginroom.css{}room-03.css{}");
        assert_eq!(css("part", Some("dialogs settings account")), "dialogs-04.css{}");
        assert!(page.ends_with("<title>x</title></head>"));
        assert!(files.iter().all(|name| !dist.join(name).exists()));
        fs::remove_dir_all(dist).unwrap();
    }
}
