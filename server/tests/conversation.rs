//! Clients of both dialects in one room.

mod common;

use common::{Client, Desktop, Message, TestServer};

#[test]
fn desktop_client_and_browser_exchange_messages() {
    let server = TestServer::start();
    let mut lili = Client::login(server.address, "lili");
    let mut tom = Desktop::join(server.address, "tom").unwrap();
    lili.until(|c| c.presence("tom") == [true]);

    lili.send_message("hello tom");
    tom.until(|d| d.lines == ["lili:hello tom"]).unwrap();
    // Longer than 127 bytes, so that the payload is not UTF-8; and in an alphabet of multi-byte characters.
    let answer = "你好，".repeat(60);
    tom.type_line(&answer).unwrap();
    lili.until(|c| c.has_received(&answer));
    let received = lili.received_with(&answer)[0].clone();
    assert_eq!(
        (received.user_name.as_str(), received.r#type.as_str(), received.id.len()),
        ("tom", "talk", 16)
    );
    assert!(received.seq > lili.received_with("hello tom")[0].seq && received.time > 1_600_000_000_000);
    tom.until(|d| d.lines.last() == Some(&format!("tom:{answer}"))).unwrap();

    tom.type_line("userlist").unwrap();
    tom.until(|d| d.lines.last().is_some_and(|line| line == "tom:lili,tom,")).unwrap();
    assert_eq!(tom.list.keys().collect::<Vec<_>>(), ["lili", "tom"]);

    tom.type_line("exit").unwrap();
    assert!(matches!(tom.until_closed().unwrap(), Message::Close(None | Some(1000))));
    lili.until(|c| c.presence("tom") == [true, false]);
    lili.settle();
    assert_eq!(lili.presence("tom"), [true, false]);
}
