//! The standard streams: what cannot be written there is lost, and nothing else.

use std::net::{Ipv4Addr, TcpStream};

use crate::{
    common::{Client, Socket, eventually, port::free_port},
    program::Program,
};

const FULL_LOG: &str = "exec \"$0\" \"$@\" 2> /dev/full";

#[test]
fn server_works_while_its_log_is_on_a_full_disk() {
    let mut program = Program::start_in_shell(FULL_LOG, &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let mut tom = Client::login(address, "tom");
    tom.send_message("each connection is a line in the log");
    let mut lili = Client::login(address, "lili");
    lili.send_message("and this is another one");
    tom.until(|c| c.has_received("and this is another one"));
    // It cannot say why it does not start, and ends as usual.
    let mut other = Program::start_in_shell(FULL_LOG, &["--listen", &address.to_string()]);
    assert_eq!(other.end().0, Some(1));
}

#[test]
fn server_starts_if_nobody_reads_its_addresses() {
    for output in ["> /dev/full", ">&-"] {
        let port = free_port();
        let arguments = ["--listen", &format!("127.0.0.1:{port}")];
        let _program = Program::start_in_shell(&format!("exec \"$0\" \"$@\" {output}"), &arguments);
        eventually("it listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Client::login((Ipv4Addr::LOCALHOST, port).into(), "tom").send_message("hello");
    }
}

#[test]
fn server_works_while_nobody_reads_its_log() {
    // A pipe whose other end is open, as of a paused terminal. It holds a few hundred lines.
    let unread = "pipe=$(mktemp -u) && mkfifo $pipe && exec 3<> $pipe && rm $pipe && exec \"$0\" \"$@\" 2>&3";
    let mut program = Program::start_in_shell(unread, &["--listen", "127.0.0.1:0", "--log-level", "trace"]);
    let address = program.address();
    let mut tom = Client::login(address, "tom");
    for n in 0..500 {
        Socket::open(address, "").unwrap();
        if n % 100 == 0 {
            tom.send_message(&format!("{n} connections"));
            tom.until(|c| c.has_received(&format!("{n} connections")));
        }
    }
    program.terminate();
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn flood_of_connections_does_not_fill_the_log() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]);
    let address = program.address();
    for _ in 0..1_500 {
        Socket::open(address, "").unwrap();
    }
    eventually("it says so", || {
        Socket::open(address, "").unwrap();
        !program.logged("connections were not logged").is_empty()
    });
    let lines = program.logged("connection ");
    assert!(lines.len() < 3_000, "{} lines", lines.len());
}
