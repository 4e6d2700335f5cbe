//! The reverse proxies of the README: nginx and Caddy with TLS on a port that is not the default one, and under a path; and
//! a domain without a proxy.

use parlour_e2e::{Certificate, Example, ReverseProxy, Server, TestContext, View, browser_test, eventually};

/// Logs in and sends a message through each of the README's examples for a proxy.
async fn chat_through_examples(test: &TestContext, language: &str) {
    let certificate = Certificate::new();
    test.add_arguments(certificate.browser_arguments());
    let examples = Example::all(language);
    assert_eq!(
        examples.iter().map(Example::path).collect::<Vec<_>>(),
        ["/", "/chat/"],
        "at the root and under a path"
    );
    for example in &examples {
        let server = Server::start_with(&["--trust-proxy"]);
        let proxy = ReverseProxy::start(example, server.address(), &certificate, |text| text).await;
        let tom = test.open("tom", &proxy.url(example.path())).await;
        tom.log_in("tom").await;
        tom.send_and_wait("through the proxy").await;
        // Otherwise the page would try to reconnect when the proxy has ended.
        tom.send("/exit").await;
        tom.until("the login page", |view| view.login && !view.room).await;
        let log = server.log();
        assert!(!log.contains("trust_proxy") && !log.contains("refused"), "{log}");
    }
}

#[test]
fn chat_works_through_the_nginx_of_the_readme() {
    browser_test("chat_works_through_the_nginx_of_the_readme", async |test| {
        chat_through_examples(test, "nginx").await;
    });
}

#[test]
fn chat_works_through_the_caddy_of_the_readme() {
    browser_test("chat_works_through_the_caddy_of_the_readme", async |test| {
        chat_through_examples(test, "caddyfile").await;
    });
}

#[test]
fn encrypted_page_on_this_machine_uses_an_encrypted_socket() {
    browser_test("encrypted_page_on_this_machine_uses_an_encrypted_socket", async |test| {
        let certificate = Certificate::new();
        test.add_arguments(certificate.browser_arguments());
        let server = Server::start_with(&["--trust-proxy"]);
        let example = &Example::all("nginx")[0];
        let proxy = ReverseProxy::start(example, server.address(), &certificate, |text| text).await;
        let tom = test.open("tom", &proxy.local_url("/")).await;
        tom.log_in("tom").await;
        tom.send_and_wait("encrypted").await;
    });
}

#[test]
fn page_under_an_unknown_host_name_says_what_to_do() {
    browser_test("page_under_an_unknown_host_name_says_what_to_do", async |test| {
        test.add_arguments(["--host-resolver-rules=MAP *.example.org 127.0.0.1".into()]);
        let server = Server::start_with(&["--allow-host", "known.example.org"]);
        let (_, port) = server.address().rsplit_once(':').unwrap();
        let page = test.open("page", &format!("http://chat.example.org:{port}/")).await;
        page.expect_error("421");
        // Browsers ignore this header over plain http, and log it.
        page.expect_error("Cross-Origin-Opener-Policy");
        let text: String = page.eval("return document.body.innerText", vec![]).await;
        assert!(text.contains("--allow-host chat.example.org,"), "{text}");
        let page = test.open("known", &format!("http://known.example.org:{port}/")).await;
        page.expect_error("Cross-Origin-Opener-Policy");
        page.log_in("tom").await;
        page.send_and_wait("by name").await;
        page.send("/exit").await;
        page.until("the login page", |view| view.login && !view.room).await;

        // The page of one name may connect only to that name.
        page.expect_lost_connections();
        page.submit_login("tom", Some(&format!("chat.example.org:{port}"))).await;
        let says_why =
            |view: &View| view.login_error.as_deref().is_some_and(|it| it.contains("allow_origin"));
        page.until("the page says what to do", says_why).await;
    });
}

#[test]
fn proxy_that_loses_the_port_is_explained_in_the_log() {
    browser_test("proxy_that_loses_the_port_is_explained_in_the_log", async |test| {
        let certificate = Certificate::new();
        test.add_arguments(certificate.browser_arguments());
        let server = Server::start_with(&["--trust-proxy"]);
        let example = &Example::all("nginx")[0];
        let lose_port = |text: String| text.replace("$http_host", "$host");
        let proxy = ReverseProxy::start(example, server.address(), &certificate, lose_port).await;
        let tom = test.open("tom", &proxy.url("/")).await;
        tom.expect_lost_connections();
        tom.submit_login("tom", None).await;
        let says_why = |view: &View| view.login_error.as_deref().is_some_and(|it| it.contains("Host header"));
        tom.until("the page says what to do", says_why).await;
        let origin = proxy.url("");
        eventually("the refusal is logged", async || {
            let log = server.log();
            let line = log.lines().find(|line| line.contains("a page was refused")).ok_or(log.clone())?;
            let explains = [&*origin, "host=\"chat.example.org\"", "$http_host", "allow_origin"];
            if explains.iter().all(|part| line.contains(part)) { Ok(()) } else { Err(line.to_owned()) }
        })
        .await;
    });
}
