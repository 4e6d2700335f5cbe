//! Entry point. On systems other than Linux it only prints an error.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    parlour_bench::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("parlour-bench runs on Linux only.");
    ExitCode::FAILURE
}
