//! Leaving while the server can't be told, and logging in again with another client.

use super::*;

impl Driver {
    fn leave(&mut self) {
        self.client.handle_log_out(self.now);
        self.drain();
    }

    /// Logs in with a new client as far as the login envelope, with another secret than before.
    fn log_in_again(&mut self, nick: &str) {
        self.ids += 1;
        self.clear();
        let next = Client::new(setup("tom", 0)).unwrap();
        let left = std::mem::replace(&mut self.client, next).into_left_sessions();
        let persisted = self.persisted();
        self.client = Client::new(Setup { left, persisted, ..setup(nick, self.ids) }).unwrap();
        self.connect();
    }

    /// The secrets of all logins since the last [`Driver::clear`].
    fn secrets(&self) -> Vec<&[u8]> {
        let logins = self.sent.iter().filter_map(|envelope| match &envelope.extension {
            Some(Ext::Login(login)) => Some(&login.secret[..]),
            _ => None,
        });
        logins.collect()
    }

    /// Ends the old session, after the server has refused the login: up to the login with the new secret.
    fn end_old_session(&mut self) {
        let new = self.secrets()[0].to_vec();
        self.receive(&taken());
        self.clear();
        self.opened();
        assert_eq!(self.secrets(), [SECRET]);
        self.clear();
        self.receive(&welcome("tom"));
        let [exit] = &self.sent[..] else { panic!("{:?}", self.sent) };
        assert_eq!(exit.r#type, codec::EXIT);
        assert_eq!(self.events, [], "the user is not in the room");
        self.clear();
        self.closed(1000);
        self.opened();
        assert_eq!(self.secrets(), [new]);
    }
}

fn taken() -> Envelope {
    codec::refusal(Status::NickTaken, None, 0, Some("tom2".into()))
}

fn is_online(driver: &Driver) -> bool {
    matches!(driver.connection(), Connection::Online { .. })
}

/// A user who has left while there was no connection.
fn left() -> Driver {
    let mut driver = Driver::online();
    driver.closed(1006);
    driver.leave();
    driver
}

fn welcome_with(secret: [u8; 32]) -> Envelope {
    with_welcome(|welcome| welcome.secret = secret.to_vec())
}

#[test]
fn logging_out_announces_it_and_deletes_everything() {
    let mut driver = Driver::online();
    driver.send("hello");
    driver.leave();
    let exit = driver.sent.last().unwrap();
    assert_eq!((exit.r#type.as_str(), exit.content.as_str()), ("exit", "exit"));
    assert_eq!(driver.closes, [Some(1000)]);
    assert_eq!(driver.events.last(), Some(&Event::LoggedOut));
    driver.closed(1000);
    assert_eq!(driver.client.poll_timeout(), None);
    assert!(driver.account.is_none() && driver.queued.is_empty(), "data of the user is left on the device");
    let refused = driver.client.handle_send(driver.now, RoomId::LOBBY, MessageId([1; 16]), "x");
    assert_eq!(refused, Err(Status::NotConnected));
    assert_eq!(driver.client.handle_connect(driver.now), Err(Status::AccountGone), "it needs a new client");
}

#[test]
fn leaving_discards_the_secret() {
    let mut driver = Driver::online();
    driver.leave();
    driver.log_in_again("tom");
    assert_eq!(driver.secrets(), [b"01".repeat(16)], "not that of the session that has ended");
}

#[test]
fn a_session_left_without_a_connection_is_ended_before_the_next_login() {
    let mut driver = left();
    assert!(driver.account.is_none(), "nothing of the session stays on the device");
    driver.log_in_again("Tom");
    assert_ne!(driver.secrets(), [SECRET], "the nick may be free");
    driver.end_old_session();
    driver.receive(&welcome_with([8; 32]));
    assert!(is_online(&driver));
    driver.reload();
    driver.opened();
    assert_eq!(driver.secrets(), [[8; 32]]);
}

#[test]
fn the_secret_of_a_session_that_was_left_is_used_for_nothing_else() {
    // Another nick.
    let mut driver = left();
    driver.log_in_again("lili");
    driver.receive(&taken());
    assert!(matches!(driver.connection(), Connection::Failed { status: Status::NickTaken, .. }));
    // The nick is free.
    let mut driver = left();
    driver.log_in_again("tom");
    driver.receive(&welcome_with([8; 32]));
    driver.closed(1006);
    driver.pass(1_000);
    driver.opened();
    driver.receive(&taken());
    driver.pass(5_000);
    driver.opened();
    assert!(driver.secrets().iter().all(|secret| *secret != SECRET), "{:?}", driver.secrets());
}

#[test]
fn an_exit_that_was_lost_with_a_dead_connection_is_repeated() {
    let mut driver = Driver::online();
    driver.leave();
    driver.log_in_again("tom");
    driver.end_old_session();
    driver.receive(&welcome_with([8; 32]));
    assert!(is_online(&driver));
}

#[test]
fn a_login_that_was_cancelled_does_not_reserve_the_nick() {
    let mut driver = Driver::new();
    driver.connect();
    let cancelled = driver.secrets()[0].to_vec();
    driver.leave();
    driver.log_in_again("tom");
    driver.receive(&taken());
    driver.clear();
    driver.opened();
    assert_eq!(driver.secrets(), [cancelled]);
}

#[test]
fn a_nick_that_somebody_else_has_is_refused() {
    let mut driver = left();
    driver.log_in_again("tom");
    driver.receive(&taken());
    driver.opened();
    driver.receive(&taken());
    let Connection::Failed { status: Status::NickTaken, refusal: Some(refusal) } = driver.connection() else {
        panic!("{:?}", driver.connection())
    };
    assert_eq!(refusal.suggestion.as_deref(), Some("tom2"));
    let opens = driver.opens;
    driver.pass(200_000);
    assert_eq!(driver.opens, opens, "the user chooses another nick");
}

#[test]
fn a_session_is_ended_later_if_that_was_interrupted() {
    let until: [fn(&mut Driver); 3] = [
        |_| (),
        |driver| driver.opened(),
        |driver| {
            driver.opened();
            driver.receive(&welcome("tom"));
            driver.closed(1006);
            driver.opened();
            driver.receive(&taken());
        },
    ];
    for (number, until) in until.iter().enumerate() {
        for cancels in [false, true] {
            let mut driver = left();
            driver.log_in_again("tom");
            driver.receive(&taken());
            until(&mut driver);
            if cancels {
                driver.leave();
            } else if number < 2 {
                driver.closed(1006);
            }
            assert!(driver.client.is_logged_out(), "{:?}", driver.client);
            driver.log_in_again("tom");
            driver.end_old_session();
            driver.receive(&welcome_with([8; 32]));
            assert!(is_online(&driver), "{number} {cancels}");
        }
    }
}

#[test]
fn a_server_that_does_not_answer_the_exit_is_not_waited_for_long() {
    let mut driver = left();
    driver.log_in_again("tom");
    let new = driver.secrets()[0].to_vec();
    driver.receive(&taken());
    driver.opened();
    driver.receive(&welcome("tom"));
    driver.pass(ANSWER_TIMEOUT_MS);
    driver.clear();
    driver.opened();
    assert_eq!(driver.secrets(), [new]);
    driver.receive(&welcome_with([8; 32]));
    assert!(is_online(&driver));
}

#[test]
fn a_logout_that_could_not_be_written_is_repeated() {
    let mut driver = Driver::online();
    driver.storage_works = false;
    driver.leave();
    driver.unapplied.clear();
    driver.storage_works = true;
    assert!(driver.account.is_some());
    driver.log_in_again("tom");
    assert!(driver.account.is_none());
    assert_ne!(driver.secrets(), [SECRET]);
    assert!(!driver.events.iter().any(|event| matches!(event, Event::LoggedIn(..))), "{:?}", driver.events);
}

#[test]
fn message_that_a_tab_stored_after_the_logout_is_not_sent_by_the_next_account() {
    let mut driver = Driver::online();
    driver.leave();
    let id = MessageId([9; 16]);
    driver.queued.insert((ROOM, id), QueuedMessage::new(id, "late".into(), 1, 1, Stage::Queued));
    driver.log_in_again("lili");
    driver.receive(&with_welcome(|welcome| {
        (welcome.account, welcome.nick) = (OTHER.0.to_vec(), "lili".into())
    }));
    assert!(driver.queued.is_empty(), "it stays on the device");
    driver.reload();
    driver.opened();
    driver.receive(&welcome("lili"));
    assert_eq!(driver.texts(), [""; 0]);
}
