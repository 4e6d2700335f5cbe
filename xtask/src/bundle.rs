//! The static bundle in `dist/`: what Trunk makes, plus compressed copies, checked.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::{check, fingerprint, pack, part, sh, tools};

/// Brings `dist/` up to date; does nothing when neither its inputs nor its files changed since last time.
pub fn build(place: &Place, connect_src: Option<&str>) -> Result<()> {
    valid_sources(connect_src)?;
    let inputs = fingerprint::inputs(place, connect_src.unwrap_or_default())?;
    let stamp = place.target.join("bundle.stamp");
    let known = fs::read_to_string(&stamp).unwrap_or_default();
    // The files too: `trunk serve` and a plain `trunk build` write into the same folder.
    if known == format!("{inputs}\n{}\n", outputs(place)?) {
        eprintln!("             unchanged since the last build");
        return Ok(());
    }
    tools::wasm_target(place)?;
    tools::page_builders(place)?;
    let mut trunk = tools::trunk(place);
    trunk.args(["build", "--release", "--features", part::FEATURE]);
    sh::run(part::cut_out(&mut trunk, place), "building the page")?;
    part::add(place)?;
    if let Some(sources) = connect_src {
        narrow(place, sources)?;
    }
    pack::pack(&place.dist())?;
    check::check(&place.dist())?;
    fs::write(&stamp, format!("{inputs}\n{}\n", outputs(place)?)).context("target/ cannot be written")
}

fn outputs(place: &Place) -> Result<String> {
    fingerprint::of(&place.root, &["dist"], "")
}

/// Lets the page connect to itself and to these sources only.
fn narrow(place: &Place, sources: &str) -> Result<()> {
    let index = place.dist().join("index.html");
    let html = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    fs::write(&index, with_connect_src(&html, sources)?).context("dist/index.html cannot be written")
}

/// Said before anything is built.
fn valid_sources(sources: Option<&str>) -> Result<()> {
    let bad = |sources: &str| {
        sources.trim().is_empty() || sources.contains([';', ',', '"', '\'', '<', '>', '&', '\n'])
    };
    if sources.is_some_and(bad) {
        bail!("--connect-src takes addresses divided by spaces, such as \"wss://chat.example\".");
    }
    Ok(())
}

fn with_connect_src(html: &str, sources: &str) -> Result<String> {
    let (before, after) = html.split_once("connect-src ").context("the page's CSP has no connect-src")?;
    let (_, after) = after.split_once(';').context("the page's connect-src does not end")?;
    Ok(format!("{before}connect-src 'self' {};{after}", sources.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrows_where_the_page_may_connect() {
        let html = "<meta content=\"a 'b'; connect-src 'self' ws: wss:; form-action 'none'\">";
        assert_eq!(
            with_connect_src(html, " wss://chat.example ").unwrap(),
            "<meta content=\"a 'b'; connect-src 'self' wss://chat.example; form-action 'none'\">",
        );
        for bad in ["", " ", "wss://a; script-src *", "\"><script>", "'unsafe-inline'"] {
            assert!(valid_sources(Some(bad)).is_err(), "{bad}");
        }
        assert!(valid_sources(None).is_ok() && valid_sources(Some("wss://a https://b:8")).is_ok());
        assert!(with_connect_src("<meta>", "wss://a").is_err());
    }
}
