//! A message that ends the connection whenever it is sent.

use parlour_e2e::{DesktopPeer, Middlebox, Server, browser_test};

/// The largest message that the middlebox accepts.
const MAX_BYTES: usize = 8 * 1024;

#[test]
fn message_that_ends_the_connection_fails_and_the_queue_goes_on() {
    for (name, code, times, reason) in
        [("1009", Some(1009), 2, "too long"), ("reset", None, 3, "connection ended each time")]
    {
        browser_test(&format!("message_that_ends_the_connection_fails-{name}"), async |test| {
            let server = Server::start();
            let middlebox = Middlebox::start(server.address(), MAX_BYTES, code);
            let mut ann = DesktopPeer::connect(server.address(), "ann");
            ann.send("first");
            let tom = test.open("tom", &server.url()).await;
            tom.expect_lost_connections();
            tom.submit_login("tom", Some(&middlebox.address())).await;
            tom.until("the room", |view| view.online()).await;
            let big = "x".repeat(10_000);
            tom.send(&big).await;
            tom.send("hi").await;
            let arrived = |text: &str| format!("tom:{text}");
            ann.until("the message behind it", |seen| seen.lines.contains(&arrived("hi"))).await;
            let view = tom.until("it has failed", |view| view.has_in_state(&big, "failed")).await;
            assert!(
                view.messages_with(&big)[0].text.contains(reason),
                "{}",
                view.messages_with(&big)[0].text
            );
            assert_eq!(middlebox.closed(), times);
            tom.click(".edit").await;
            tom.until("its text can be edited", |view| view.composer.as_deref() == Some(&*big)).await;
            tom.send_and_wait("shorter").await;
            // A desktop peer shows each end of the connection as a line.
            let lines = ann.seen().lines.into_iter().filter(|line| *line != arrived("exit"));
            let expected = ["ann:first".to_owned(), arrived("hi"), arrived("shorter")];
            assert_eq!(lines.collect::<Vec<_>>(), expected);
            assert_eq!(middlebox.closed(), times, "it is not sent again");
        });
    }
}
