//! A device on which the leader's last changes could not be written, when another tab becomes the leader.

use super::*;

#[test]
fn a_new_leader_continues_a_login_that_was_not_persisted() {
    let mut browser = Browser::new(0);
    browser.sync();
    let login = |browser: &mut Browser| {
        browser.drain();
        browser.sent.clear();
        browser.session.handle_opened(NOW);
        browser.drain();
        match &browser.sent[..] {
            [Envelope { extension: Some(Extension::Login(login)), .. }] => login.secret.clone(),
            other => panic!("{other:?}"),
        }
    };
    // The logout and the next login can't be written.
    let before = browser.rows.clone();
    browser.session.handle_leave(NOW);
    browser.session.handle_new_secret([9; 16]);
    browser.session.handle_login(NOW, "tom", Persisted::default()).unwrap();
    let secret = login(&mut browser);
    let welcome = wire::Welcome {
        version: 1,
        nick: "tom".into(),
        secret: secret.clone(),
        capabilities: vec!["history".into()],
        log: vec![1],
        ..wire::Welcome::default()
    };
    browser.receive(&codec::extension(Extension::Welcome(welcome)));
    browser.follower = Follower::new(NOW.monotonic, 0);
    browser.sync();
    browser.rows = before;
    browser.take_over();
    assert_eq!(login(&mut browser), secret, "not that of the session that was left");
}
