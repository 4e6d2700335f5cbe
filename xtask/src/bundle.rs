//! Builds the static bundle in `dist/` with Trunk, joins its stylesheets, adds compressed copies and checks it.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{check, compress, fingerprint, html, process, split, stylesheet, tools};

/// Brings `dist/` up to date. Does nothing if neither the sources nor `dist/` have changed since the last build.
pub fn build(workspace: &Workspace, connect_src: Option<&str>) -> Result<()> {
    validate_sources(connect_src)?;
    let inputs = fingerprint::inputs(workspace, connect_src.unwrap_or_default())?;
    let stamp = workspace.target.join("bundle.stamp");
    let previous = fs::read_to_string(&stamp).unwrap_or_default();
    // The outputs too, because `trunk serve` and `trunk build` write to the same folder.
    if previous == format!("{inputs}\n{}\n", outputs(workspace)?) {
        eprintln!("             unchanged since the last build");
        return Ok(());
    }
    tools::wasm_target(workspace)?;
    tools::install_page_tools(workspace)?;
    let mut trunk = tools::trunk(workspace);
    trunk.args(["build", "--release", "--features", split::FEATURE]);
    process::run(&mut trunk, "building the page")?;
    split::add_parts(workspace)?;
    stylesheet::join(&workspace.dist())?;
    edit_page(workspace, with_manifest_credentials)?;
    if let Some(sources) = connect_src {
        edit_page(workspace, |page| with_connect_src(page, sources))?;
    }
    compress::compress(&workspace.dist())?;
    check::check(&workspace.dist())?;
    fs::write(&stamp, format!("{inputs}\n{}\n", outputs(workspace)?)).context("target/ cannot be written")
}

fn outputs(workspace: &Workspace) -> Result<String> {
    fingerprint::of(&workspace.root, &["dist"], "")
}

fn edit_page(workspace: &Workspace, edit: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let index = workspace.dist().join("index.html");
    let page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    fs::write(&index, edit(&page)?).context("dist/index.html cannot be written")
}

/// Restores the value of the manifest's `crossorigin`, which Trunk's minifier takes for an attribute without a value.
fn with_manifest_credentials(page: &str) -> Result<String> {
    let tags = html::tags(page);
    let link = tags.iter().find(|tag| tag.attr("rel") == Some("manifest"));
    let link = link.context("the page has no manifest")?;
    if link.attr("crossorigin") == Some("use-credentials") {
        return Ok(page.to_owned());
    }
    Ok(page.replacen(&link.source, &link.source.replacen("crossorigin", "crossorigin=use-credentials", 1), 1))
}

fn validate_sources(sources: Option<&str>) -> Result<()> {
    let invalid = |sources: &str| {
        sources.trim().is_empty() || sources.contains([';', ',', '"', '\'', '<', '>', '&', '\n'])
    };
    if sources.is_some_and(invalid) {
        bail!("--connect-src takes addresses separated by spaces, such as \"wss://chat.example\".");
    }
    Ok(())
}

/// Restricts the connections of the page to its own origin and to `sources`.
fn with_connect_src(html: &str, sources: &str) -> Result<String> {
    let (before, after) = html.split_once("connect-src ").context("the page's CSP has no connect-src")?;
    let (_, after) = after.split_once(';').context("the page's connect-src does not end")?;
    Ok(format!("{before}connect-src 'self' {};{after}", sources.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_requested_with_credentials() {
        let page = "<link crossorigin href=./a rel=preload><link crossorigin href=./m rel=manifest>";
        assert_eq!(
            with_manifest_credentials(page).unwrap(),
            "<link crossorigin href=./a rel=preload><link crossorigin=use-credentials href=./m rel=manifest>",
        );
        let complete = "<link crossorigin=use-credentials href=./m rel=manifest>";
        assert_eq!(with_manifest_credentials(complete).unwrap(), complete);
        assert!(with_manifest_credentials("<p>").is_err());
    }

    #[test]
    fn the_sources_replace_those_of_the_page() {
        let html = "<meta content=\"a 'b'; connect-src 'self' ws: wss:; form-action 'none'\">";
        assert_eq!(
            with_connect_src(html, " wss://chat.example ").unwrap(),
            "<meta content=\"a 'b'; connect-src 'self' wss://chat.example; form-action 'none'\">",
        );
        for invalid in ["", " ", "wss://a; script-src *", "\"><script>", "'unsafe-inline'"] {
            assert!(validate_sources(Some(invalid)).is_err(), "{invalid}");
        }
        assert!(validate_sources(None).is_ok() && validate_sources(Some("wss://a https://b:8")).is_ok());
        assert!(with_connect_src("<meta>", "wss://a").is_err());
    }
}
