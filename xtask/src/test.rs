//! `cargo xtask test`: runs every check, the quick ones first.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, Steps};
use crate::workspace::Workspace;
use crate::{axe, browser, bundle, check, dist, proxies, size, tools};

/// The last line of the output if, and only if, every check passed.
const PASSED: &str = "everything passed";

type Check = fn(&Workspace) -> Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("checking the tools", |workspace| {
        tools::wasm_target(workspace).and_then(|()| tools::components(workspace))
    }),
    ("finding browsers, axe-core and proxies", |workspace| {
        browser::find_or_install(workspace)?;
        axe::find_or_install(workspace)?;
        proxies::find_or_install(workspace).map(drop)
    }),
    ("formatting", |workspace| cargo(workspace, "fmt --all --check")),
    ("lints", |workspace| cargo(workspace, "clippy --workspace --all-targets -- -D warnings")),
    ("lints for wasm32", |workspace| {
        cargo(workspace, "clippy -p parlour -p parlour-core --target wasm32-unknown-unknown -- -D warnings")?;
        cargo(workspace, "clippy -p parlour --features split --target wasm32-unknown-unknown -- -D warnings")
    }),
    ("native tests", |workspace| cargo(workspace, "test --workspace --exclude parlour-e2e --no-fail-fast")),
    ("core's tests on wasm32, in the browser", |workspace| {
        cargo(workspace, "test -p parlour-core --lib --tests --target wasm32-unknown-unknown")
    }),
    ("building the page", |workspace| bundle::build(workspace, None)),
    ("checking the page", |workspace| {
        check::check(&workspace.dist())?;
        size::print_files(workspace)?;
        check::check_size(&workspace.dist())
    }),
    ("building the server", |workspace| {
        cargo(workspace, "clippy -p parlour-server --features embed -- -D warnings")?;
        dist::build_server(workspace)
    }),
    // One of the browser tests runs `trunk serve`, which needs it.
    ("compiling the page in one module", tools::compile_single_module),
    ("browser tests", end_to_end),
];

pub fn test(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask test (to run single checks, use cargo fmt, cargo clippy or cargo test)");
    }
    let workspace = Workspace::locate()?;
    let mut steps = Steps::new(CHECKS.len());
    for (name, check) in CHECKS {
        steps.next(name);
        check(&workspace).with_context(|| format!("{name} failed"))?;
    }
    steps.print_times();
    steps.done("total");
    println!("{PASSED}");
    Ok(())
}

fn cargo(workspace: &Workspace, args: &str) -> Result<()> {
    let list: Vec<&str> = args.split_whitespace().collect();
    process::run(&mut process::cargo(workspace, &list), &format!("cargo {args}"))
}

fn end_to_end(workspace: &Workspace) -> Result<()> {
    let mut command = browser_test(workspace)?;
    process::run(command.arg("--no-fail-fast"), "cargo test -p parlour-e2e")
}

/// The command for the browser tests, with the paths of page, server, browsers, axe-core and proxies in its environment.
pub fn browser_test(workspace: &Workspace) -> Result<Command> {
    let browser::Browsers { chromium, firefox } = browser::find_or_install(workspace)?;
    let mut command = process::cargo(workspace, &["test", "--package", "parlour-e2e"]);
    command
        .env("PARLOUR_SERVER", workspace.server())
        .env("PARLOUR_DIST", workspace.dist())
        .env("CHROMEDRIVER", chromium.driver)
        .env("CHROME", chromium.browser)
        .env("GECKODRIVER", firefox.driver)
        .env("FIREFOX", firefox.browser);
    command.env("PARLOUR_AXE", axe::find_or_install(workspace)?);
    let proxies::Proxies { nginx, caddy, openssl } = proxies::find_or_install(workspace)?;
    command.env("PARLOUR_NGINX", nginx).env("PARLOUR_CADDY", caddy).env("PARLOUR_OPENSSL", openssl);
    // One of the tests runs `trunk serve`.
    let trunk = tools::trunk(workspace);
    command.env("PARLOUR_TRUNK", trunk.get_program());
    command.envs(trunk.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ok(command)
}
