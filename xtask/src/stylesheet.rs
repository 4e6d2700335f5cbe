//! Joins the stylesheets of the bundle, so that a browser makes one request instead of one for each file in `style/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::check::integrity;
use crate::fingerprint::hex;
use crate::html::{Tag, tags};

/// Replaces the stylesheets that the page links to with one file, in the order of their links.
pub fn join(dist: &Path) -> Result<()> {
    let index = dist.join("index.html");
    let page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    let mut css = Vec::new();
    let tags = tags(&page);
    for name in tags.iter().filter(|tag| is_stylesheet(tag)).filter_map(Tag::reference) {
        let file = dist.join(name);
        css.extend(fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?);
        fs::remove_file(&file)?;
    }
    let name = format!("style-{}.css", &hex(&Sha256::digest(&css))[..16]);
    fs::write(dist.join(&name), &css).context("dist/ cannot be written")?;
    let link = format!("<link rel=stylesheet href=./{name} integrity={}>", integrity(&css));
    fs::write(&index, with_one_stylesheet(&page, &link)).context("dist/index.html cannot be written")
}

fn is_stylesheet(tag: &Tag) -> bool {
    tag.name == "link" && tag.attr("rel") == Some("stylesheet")
}

/// The page with `link` in the place of the first link to a stylesheet and without the others.
fn with_one_stylesheet(page: &str, link: &str) -> String {
    let mut page = page.to_owned();
    for (number, tag) in tags(&page.clone()).iter().filter(|tag| is_stylesheet(tag)).enumerate() {
        page = page.replacen(&tag.source, if number == 0 { link } else { "" }, 1);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_replaces_the_stylesheets_in_their_order() {
        let dist = std::env::temp_dir().join(format!("xtask-stylesheet-{}", std::process::id()));
        fs::create_dir_all(&dist).unwrap();
        fs::write(dist.join("b.css"), "b{}").unwrap();
        fs::write(dist.join("a.css"), "a{}").unwrap();
        let page = "<head><link rel=icon href=i><link rel=stylesheet href=./b.css><title>x</title>\
                    <link href=./a.css rel=\"stylesheet\"></head>";
        fs::write(dist.join("index.html"), page).unwrap();
        join(&dist).unwrap();

        let page = fs::read_to_string(dist.join("index.html")).unwrap();
        let tags = tags(&page);
        let links: Vec<_> = tags.iter().filter(|tag| is_stylesheet(tag)).collect();
        let [link] = links[..] else { panic!("{page}") };
        let css = fs::read(dist.join(link.reference().unwrap())).unwrap();
        assert_eq!(css, b"b{}a{}");
        assert_eq!(link.attr("integrity"), Some(&*integrity(&css)));
        assert!(
            page.starts_with("<head><link rel=icon href=i><link")
                && page.ends_with("<title>x</title></head>")
        );
        assert!(!dist.join("a.css").exists() && !dist.join("b.css").exists());
        fs::remove_dir_all(dist).unwrap();
    }
}
