//! A follower continues under another nick.

use super::*;

/// A leader whose nick the server refuses, and a follower that has asked to continue as "tom2".
fn renamed_in_the_follower() -> Browser {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.session.handle_closed(NOW, 1006);
    browser.session.handle_reconnect(NOW);
    browser.session.handle_opened(NOW);
    let code = Status::NickTaken.code().into();
    browser.receive(&codec::extension(Extension::Refusal(wire::Refusal { code, ..Default::default() })));
    browser.session.handle_closed(NOW, 1000);
    browser.drain();
    browser.sent.clear();
    browser.follower.handle_command(NOW, 5, Command::Rename("tom2".into()));
    browser
}

impl Browser {
    /// The nicks under which the session has logged in.
    fn logins(&self) -> Vec<&str> {
        let logins = self.sent.iter().filter(|sent| matches!(sent.extension, Some(Extension::Login(_))));
        logins.map(|login| &*login.user_name).collect()
    }

    /// The follower's time is over in which a command must be answered. Returns the reported failures.
    fn failures_after_timeout(&mut self) -> Vec<Event> {
        self.follower.handle_timeout(NOW.monotonic + COMMAND_TIMEOUT_MS);
        let events = std::iter::from_fn(|| self.follower.poll_event());
        events.filter(|event| matches!(event, Event::CommandFailed(_))).collect()
    }
}

#[test]
fn the_leader_executes_it_once_and_answers() {
    let mut browser = renamed_in_the_follower();
    let command = browser.follower.poll_message().unwrap();
    browser.command(&command);
    browser.session.handle_opened(NOW);
    // The follower may repeat it.
    browser.command(&command);
    browser.drain();
    assert_eq!(browser.logins(), ["tom2"]);
    let answer = browser.leader.poll_renewal(NOW.monotonic, &browser.session).unwrap();
    browser.deliver(&answer);
    assert_eq!(browser.failures_after_timeout(), []);
}

#[test]
fn without_an_answer_the_user_is_told() {
    let mut browser = renamed_in_the_follower();
    assert_eq!(browser.failures_after_timeout(), [Event::CommandFailed(Status::TabUnresponsive)]);
}

#[test]
fn the_next_leader_executes_it() {
    let mut browser = renamed_in_the_follower();
    browser.take_over();
    let (_, commands) = browser.follower.take_unanswered();
    for command in commands {
        browser.session.handle_new_secret([1; 16]);
        command.execute(NOW, &mut browser.session);
    }
    browser.session.handle_opened(NOW);
    browser.drain();
    assert_eq!(browser.logins(), ["tom2"]);
}
