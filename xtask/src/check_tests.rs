use super::*;

const CSP: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                   script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; base-uri 'none'; form-action 'none'\">";

/// A bundle as small as one can be that passes; the page's body is the caller's.
fn bundle(name: &str, body: &str) -> PathBuf {
    let dist = std::env::temp_dir().join(format!("xtask-check-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dist);
    fs::create_dir_all(&dist).unwrap();
    let mut page = CSP.to_owned();
    for (file, start) in [
        ("a.css", "<link rel=stylesheet href="),
        ("a.js", "<link rel=modulepreload href="),
        ("a.wasm", "<link rel=preload href="),
        ("b.wasm", "<link rel=part href="),
        ("boot.js", "<script src="),
    ] {
        fs::write(dist.join(file), file).unwrap();
        let integrity = BASE64_STANDARD.encode(Sha384::digest(file));
        page += &format!("{start}./{file} integrity=sha384-{integrity}></script>");
    }
    page += body;
    fs::write(dist.join("index.html"), page).unwrap();
    pack::pack(&dist).unwrap();
    dist
}

fn complaint(dist: &Path) -> String {
    let result = check(dist);
    fs::remove_dir_all(dist).unwrap();
    result.map_or_else(|error| format!("{error:#}"), |()| "none".to_owned())
}

#[test]
fn a_whole_bundle_passes() {
    let dist = bundle("whole", "<p class=boot-text>hello</p><a href=\"#top\">x</a>");
    assert_eq!(first_load(&dist).unwrap().len(), 5, "without what is loaded later");
    assert_eq!(complaint(&dist), "none");
}

#[test]
fn each_fault_is_named() {
    for (name, body, words) in [
        ("inline-script", "<script>go()</script>", "inline <script>"),
        ("inline-style", "<style>p{}</style>", "inline <style>"),
        ("style-attribute", "<p style='color:red'>", "attribute style"),
        ("handler", "<p onclick='go()'>", "attribute onclick"),
        ("second-csp", CSP, "2 CSP tags"),
        ("absolute", "<script src=/boot.js></script>", "not a relative address"),
        ("elsewhere", "<script src=https://cdn.example/x.js></script>", "not a relative address"),
        ("missing", "<link rel=icon href=./gone.svg>", "is not in dist/"),
        ("no-integrity", "<script src=./boot.js></script>", "without an integrity"),
        ("no-integrity-later", "<link rel=part href=./b.wasm>", "without an integrity"),
        ("wrong-integrity", "<script src=./boot.js integrity=sha384-AAAA></script>", "does not match"),
        ("third-party", "<a href='https://example.com/'>x</a>", "https://example.com/"),
    ] {
        let said = complaint(&bundle(name, body));
        assert!(said.contains(words), "{name}: {said}");
    }
}

#[test]
fn what_is_loaded_later_counts_apart_and_must_be_there() {
    let dist = bundle("apart", "");
    let part = fs::metadata(dist.join("b.wasm.br")).unwrap().len();
    assert_eq!(whole_size(&dist).unwrap(), first_load_size(&dist).unwrap() + part);
    check_size(&dist).unwrap();
    let page = read(&dist.join("index.html")).unwrap();
    fs::write(dist.join("index.html"), page.replace("rel=part", "rel=icon")).unwrap();
    assert!(check_size(&dist).unwrap_err().to_string().contains("not apart"));
    fs::remove_dir_all(dist).unwrap();
}

#[test]
fn compressed_copies_must_match() {
    let dist = bundle("stale", "");
    fs::write(dist.join("a.js.gz"), fs::read(dist.join("a.css.gz")).unwrap()).unwrap();
    assert!(complaint(&dist).contains("hold something else"));
    let dist = bundle("lost", "");
    fs::remove_file(dist.join("a.js.br")).unwrap();
    assert!(complaint(&dist).contains("a.js.br is missing"));
}

#[test]
fn a_loose_policy_is_refused() {
    let dist = bundle("loose", "");
    let page = read(&dist.join("index.html")).unwrap();
    fs::write(dist.join("index.html"), page.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"))
        .unwrap();
    assert!(complaint(&dist).contains("CSP lacks"));
}

#[test]
fn namespaces_are_not_addresses_of_hosts() {
    assert_eq!(absolute_url("xmlns='http://www.w3.org/2000/svg'"), None);
    assert_eq!(absolute_url("x http://a.example/b' c"), Some("http://a.example/b"));
}
