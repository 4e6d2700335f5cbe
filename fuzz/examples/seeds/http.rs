//! Seeds of the target `http`: settings and headers, one per line.

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    let trusting = "trust_proxy: true\npeer: 10.0.0.1\n";
    let two = "trust_proxy: true\nproxy_addresses: 10.0.0.0/8, 2001:db8::/32, ::ffff:192.0.2.0/125\npeer: ::ffff:10.0.0.1\n";
    // More than are read.
    let many = format!(
        "X-Forwarded-Host: {}\nX-Forwarded-Port: {}\nForwarded: {}\n",
        "a,".repeat(40),
        "1,".repeat(9),
        "host=b,".repeat(17)
    );
    [
        // Behind any proxy.
        (trusting, "X-Forwarded-For: 1.1.1.1, 2.2.2.2\n"),
        (trusting, "X-Forwarded-For: [2001:db8::1]:443\nX-Forwarded-For: \"1.2.3.4:5678\"\n"),
        (trusting, "X-Forwarded-For: fe80::1%eth0, unknown\n"),
        (trusting, "X-Forwarded-For: \u{e9}\nForwarded: for=1.1.1.1\n"),
        (trusting, "Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43\n"),
        (trusting, "Forwarded: For=\"[2001:db8:cafe::17]:4711\", for=198.51.100.17\n"),
        (trusting, "Forwarded: host=\"a,b;c\\\"d\" ; FOR=192.0.2.43;;, ,\nForwarded: for=\"\n"),
        (trusting, "Forwarded: for=\"1\\.1.1.1:_port\"\nX-Forwarded-For: 1.1.1.1\n"),
        (trusting, "X-Forwarded-Host: a,b:1,[::1],::2,[::1]:2\nX-Forwarded-Port: 8443, 80\n"),
        (trusting, &many),
        // Behind two of some proxies.
        (two, "X-Forwarded-For: 9.9.9.9, 1.1.1.1, 10.9.9.9:80, [2001:db8::1]:443, 192.0.2.1\n"),
        (two, "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.2\n"),
        (two, "Forwarded: for=1.1.1.1;host=a.example, for=10.0.0.2;host=inner\nOrigin: https://a.example\n"),
        ("trust_proxy: true\nproxy_addresses: 10.0.0.0/8\npeer: 203.0.113.9\n", "X-Forwarded-For: 1.1.1.1\n"),
        // Without a proxy.
        ("peer: ::ffff:203.0.113.9\n", "X-Forwarded-For: 1.1.1.1\nX-Forwarded-Host: a.example\n"),
        ("", "Host: localhost:8080\nOrigin: http://localhost:8080\n"),
        ("", "Host: [::1]:80\nOrigin: http://[::1]\n"),
        ("", "Host: chat.example.org\nOrigin: http://chat.example.org:8080\n"),
        ("", "Host: nas.local.\nOrigin: http://NAS.local.\n"),
        ("", "Host: localhost\nOrigin: null\n"),
        ("", "Host: localhost\nOrigin: http://localhost\nOrigin: http://localhost\n"),
        ("allow_host: chat.Example.org, *.example.net\n", "Host: a.example.net\nOrigin: http://a.example.net:80\n"),
        ("allow_host: chat.test.org\n", "Host: CHAT.test.org:81\nOrigin: http://chat.test.org:81\n"),
        (
            "allow_origin: https://a.test.org:443, capacitor://localhost, null\n",
            "Host: b.test.org\nOrigin: https://A.test.org/\n",
        ),
        ("allow_origin: *\n", "Host: b.test.org\nOrigin: \u{e9}\n"),
        ("", "Via: 1.1 proxy\nHost: chat.example.org:443\nOrigin: https://chat.example.org\n"),
        (
            trusting,
            "X-Forwarded-Host: chat.example.org\nX-Forwarded-Port: 8443\nOrigin: https://chat.example.org:8443\n",
        ),
    ]
    .map(|(settings, headers)| [settings, headers].concat().into_bytes())
    .into()
}
