use super::*;

const CSP: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                   script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; base-uri 'none'; form-action 'none'\">";

/// Writes a minimal valid bundle whose page has this body.
fn bundle(name: &str, body: &str) -> PathBuf {
    let dist = std::env::temp_dir().join(format!("xtask-check-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dist);
    fs::create_dir_all(&dist).unwrap();
    let mut page = CSP.to_owned();
    for (file, start) in [
        ("a.css", "<link rel=stylesheet href="),
        ("a.js", "<link rel=modulepreload href="),
        ("a.wasm", "<link rel=preload href="),
        ("b.wasm", "<link rel=part data-parts='room' href="),
        ("c.wasm", "<link rel=part data-parts='room search' href="),
        ("d.wasm", "<link rel=part data-parts='search' href="),
        ("e.wasm", "<link rel=part data-parts='search side' href="),
        ("boot.js", "<script src="),
    ] {
        fs::write(dist.join(file), file).unwrap();
        page += &format!("{start}./{file} integrity={}></script>", integrity(file.as_bytes()));
    }
    page += body;
    fs::write(dist.join("index.html"), page).unwrap();
    compress::compress(&dist).unwrap();
    dist
}

fn check_error(dist: &Path) -> String {
    let result = check(dist);
    fs::remove_dir_all(dist).unwrap();
    result.map_or_else(|error| format!("{error:#}"), |()| "none".to_owned())
}

#[test]
fn a_valid_bundle_passes() {
    let dist = bundle("valid", "<p class=boot-text>hello</p><a href=\"#top\">x</a>");
    assert_eq!(first_load(&dist).unwrap().len(), 5, "without the parts");
    assert_eq!(check_error(&dist), "none");
}

#[test]
fn each_fault_has_its_message() {
    for (name, body, message) in [
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
        let error = check_error(&bundle(name, body));
        assert!(error.contains(message), "{name}: {error}");
    }
}

#[test]
fn the_room_is_required_and_counted_separately() {
    let dist = bundle("room", "");
    let size = |name: &str| fs::metadata(dist.join(name)).unwrap().len();
    let room = size("b.wasm.br") + size("c.wasm.br");
    assert_eq!(size_with_room(&dist).unwrap(), first_load_size(&dist).unwrap() + room);
    let (search, shared) = (size("d.wasm.br"), size("e.wasm.br"));
    let others = BTreeMap::from([("search".to_owned(), search + shared), ("side".to_owned(), shared)]);
    assert_eq!(other_parts(&dist).unwrap(), others);
    check_size(&dist).unwrap();
    let page = read(&dist.join("index.html")).unwrap();
    fs::write(dist.join("index.html"), page.replace("rel=part", "rel=icon")).unwrap();
    assert!(check_size(&dist).unwrap_err().to_string().contains("not loaded separately"));
    fs::remove_dir_all(dist).unwrap();
}

#[test]
fn compressed_copies_must_match() {
    let dist = bundle("stale", "");
    fs::write(dist.join("a.js.gz"), fs::read(dist.join("a.css.gz")).unwrap()).unwrap();
    assert!(check_error(&dist).contains("have other contents"));
    let dist = bundle("lost", "");
    fs::remove_file(dist.join("a.js.br")).unwrap();
    assert!(check_error(&dist).contains("a.js.br is missing"));
}

#[test]
fn an_unsafe_policy_is_an_error() {
    let dist = bundle("unsafe", "");
    let page = read(&dist.join("index.html")).unwrap();
    fs::write(dist.join("index.html"), page.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"))
        .unwrap();
    assert!(check_error(&dist).contains("CSP lacks"));
}

#[test]
fn xml_namespaces_are_no_third_party_addresses() {
    assert_eq!(absolute_url("xmlns='http://www.w3.org/2000/svg'"), None);
    assert_eq!(absolute_url("x http://a.example/b' c"), Some("http://a.example/b"));
}
