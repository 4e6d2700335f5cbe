//! One person on two devices at once, a desktop in Chromium and a phone in Firefox, and another person: what belongs to the
//! account is the same on both devices, and what belongs to a device stays on it.

use parlour_e2e::{Browser, Page, Server, TestContext, View, browser_test, keys};

/// The devices.
struct Devices {
    desktop: Page,
    phone: Page,
    /// Another person's.
    ann: Page,
}

/// Logs in on all devices; the phone with a link of the desktop.
async fn log_in(test: &TestContext, server: &Server) -> Devices {
    let desktop = test.open("desktop", &server.url()).await;
    desktop.resize(1280, 800).await;
    desktop.log_in("tom").await;
    let link = desktop.device_link().await;
    let phone = test.open_in(Browser::Firefox, "phone", &link).await;
    phone.log_in_by_link("tom").await;
    let ann = test.open("ann", &server.url()).await;
    ann.resize(1280, 800).await;
    ann.log_in("ann").await;
    Devices { desktop, phone, ann }
}

impl Devices {
    /// Ann creates a public room, which the person joins on the desktop; then everybody is in the lobby again.
    async fn share_room(&self, name: &str) {
        self.ann.create_room(name, "public").await;
        self.ann.open_listed("Lobby").await;
        self.desktop.send(&format!("/join {name}")).await;
        self.desktop.until_text("#room-name", name).await;
        self.desktop.open_listed("Lobby").await;
        self.phone.until_room_has(name, "room.section === 'Rooms'").await;
    }

    /// Ann begins a conversation with the person, and writes this into it.
    async fn begin_conversation(&self, text: &str) {
        self.ann.open_dialog("rooms-menu", "direct-message").await;
        self.ann.fill("#direct-message-people", "to").await;
        let found = "return !!document.querySelector('#direct-message-people-list .active[data-nick=tom]')";
        self.ann.until_true("tom is found", found).await;
        self.ann.press(keys::ENTER).await;
        self.ann.submit_dialog().await;
        self.ann.until_text("#room-name", "tom").await;
        self.ann.send_and_wait(text).await;
    }

    /// The person's devices.
    fn both(&self) -> [&Page; 2] {
        [&self.desktop, &self.phone]
    }
}

/// All messages with this content are of a nick.
fn all_are_of(view: &View, nick: &str, contents: &[&str]) -> bool {
    contents
        .iter()
        .all(|content| view.has_sent(content) && view.messages_with(content)[0].nick.as_deref() == Some(nick))
}

#[test]
fn reading_on_one_device_clears_the_other() {
    browser_test("reading_on_one_device_clears_the_other", async |test| {
        let devices = log_in(test, &Server::start()).await;
        let Devices { desktop, phone, ann } = &devices;
        phone.resize(390, 844).await;
        phone.click("#rooms-back").await;
        devices.share_room("plans").await;
        devices.begin_conversation("are you there?").await;
        ann.open_listed("plans").await;
        for text in ["one", "two", "three"] {
            ann.send_and_wait(text).await;
        }
        let all_unread = [("Unread", "ann", "1"), ("Unread", "plans", "3"), ("Rooms", "Lobby", "")];
        for device in devices.both() {
            device.until_listed(&all_unread).await;
            // Only the conversation is addressed to the person.
            device.until_room_has("ann", "room.attention").await;
            device.until_room_has("plans", "!room.attention").await;
            device.until_unread(4).await;
        }

        phone.open_listed("plans").await;
        phone.until("the messages", |view| view.has_sent("three")).await;
        let rest = [("Unread", "ann", "1"), ("Rooms", "Lobby", ""), ("Rooms", "plans", "")];
        desktop.until_listed(&rest).await;
        desktop.until_unread(1).await;
        phone.click("#rooms-back").await;
        phone.until_listed(&rest).await;
        phone.open_listed("ann").await;
        desktop
            .until_listed(&[("Direct messages", "ann", ""), ("Rooms", "Lobby", ""), ("Rooms", "plans", "")])
            .await;
        desktop.until_unread(0).await;
        phone.until_unread(0).await;

        // What is marked as unread on one device is so on the other; it is read there all the same.
        desktop.open_listed("plans").await;
        desktop.choose_item("room-menu", "mark-unread").await;
        desktop.until_unread(1).await;
        phone.until_unread(1).await;
        phone.click("#rooms-back").await;
        phone.until_room_has("plans", "room.badge === '1' && room.section === 'Unread'").await;
        phone.choose_item("rooms-menu", "mark-all-read").await;
        desktop.until_unread(0).await;
        desktop.until_room_has("plans", "room.badge === ''").await;

        // The order of the messages is the same everywhere.
        phone.open_listed("plans").await;
        for (device, text) in [(desktop, "four"), (phone, "five"), (ann, "six")] {
            device.send_and_wait(text).await;
        }
        let all = ["one", "two", "three", "four", "five", "six"];
        for device in [desktop, phone, ann] {
            device.until("all messages", |view| view.contents() == all).await;
        }
        for device in devices.both() {
            let own = device.view().await;
            let own: Vec<_> =
                own.rows.iter().filter(|row| row.own).filter_map(|row| row.content.as_deref()).collect();
            assert_eq!(own, ["four", "five"], "the messages of both devices are the person's own");
        }
    });
}

#[test]
fn mute_and_nick_belong_to_the_account() {
    browser_test("mute_and_nick_belong_to_the_account", async |test| {
        let devices = log_in(test, &Server::start()).await;
        let Devices { desktop, phone, ann } = &devices;
        devices.share_room("plans").await;
        desktop.send_and_wait("in the lobby").await;
        desktop.open_listed("plans").await;
        desktop.send_and_wait("in the room").await;
        desktop.choose_item("room-menu", "mute-room").await;
        desktop.open_listed("Lobby").await;
        for device in devices.both() {
            device.until_room_has("plans", "room.muted").await;
        }
        ann.open_listed("plans").await;
        ann.send_and_wait("is anybody here?").await;
        // A later message in another room, so that the one before has arrived.
        devices.begin_conversation("hello").await;
        for device in devices.both() {
            device.until_room_has("ann", "room.badge === '1'").await;
            device.until_room_has("plans", "room.badge === '' && room.section === 'Rooms'").await;
            device.until_unread(1).await;
        }
        // What was not indicated while it was muted is unread.
        phone.open_listed("ann").await;
        desktop.until_unread(0).await;
        desktop.open_listed("ann").await;
        phone.open_listed("plans").await;
        phone.choose_item("room-menu", "mute-room").await;
        desktop.until_room_has("plans", "!room.muted").await;

        // The history shows who somebody is now, in each room and on each device.
        let renamed = async |nick: &str| {
            for device in devices.both() {
                device.until_text(".account-nick", nick).await;
            }
            ann.until_text("#room-name", nick).await;
            ann.until_room_has(nick, "room.section === 'Direct messages'").await;
            for device in [desktop, ann, phone] {
                device.open_listed("plans").await;
                device.until("its history", |view| all_are_of(view, nick, &["in the room"])).await;
                device.until("its people", |view| view.lists(nick) && !view.lists("tom")).await;
                device.open_listed("Lobby").await;
                device
                    .until("the history of the lobby", |view| all_are_of(view, nick, &["in the lobby"]))
                    .await;
            }
            ann.open_listed(nick).await;
        };
        phone.send("/nick thomas").await;
        renamed("thomas").await;
        desktop.send("/nick tommy").await;
        renamed("tommy").await;
        for device in [desktop, phone, ann] {
            device.reload().await;
            device.until("the connection is back", View::online).await;
        }
        renamed("tommy").await;
    });
}

#[test]
fn rooms_of_one_device_are_those_of_the_other() {
    browser_test("rooms_of_one_device_are_those_of_the_other", async |test| {
        let devices = log_in(test, &Server::start()).await;
        let Devices { desktop, phone, ann } = &devices;
        desktop.create_room("garden", "private").await;
        phone.open_listed("garden").await;
        phone.open_dialog("room-menu", "room-settings").await;
        phone.fill("#room-settings-name", "orchard").await;
        phone.fill("#room-settings-topic", "Apples").await;
        phone.click("#room-settings-save").await;
        desktop.until_text("#room-name", "orchard").await;
        desktop.until_text("#room-topic", "Apples").await;
        desktop.until_room_has("orchard", "room.section === 'Rooms'").await;
        desktop.until_not_listed("garden").await;
        phone.click("#room-settings-archive").await;
        desktop.until_none("#composer").await;
        phone.until_text("#room-settings-archive", "Restore room").await;
        phone.click("#room-settings-archive").await;
        desktop.until_true("the composer", "return !!document.querySelector('#composer')").await;
        phone.press(keys::ESCAPE).await;
        phone.until_none("dialog").await;

        // The room that is open on the other device is left there too.
        phone.send("/leave").await;
        phone.submit_dialog().await;
        for device in devices.both() {
            device.until_text("#room-name", "Lobby").await;
            device.until_listed(&[("Rooms", "Lobby", "")]).await;
        }

        // An invitation that is accepted or declined on one device is not open on the other any more.
        for (name, answer) in [("accepted", "accept"), ("declined", "decline")] {
            ann.create_room(name, "private").await;
            ann.send("/invite tom").await;
            for device in devices.both() {
                device.until_room_has(name, "room.section === 'Invitations'").await;
                device.open_listed(name).await;
                device.until_text("#invitation-text", &format!("You are invited to {name}.")).await;
            }
            phone.click(&format!("#invitation-{answer}")).await;
            for device in devices.both() {
                device.until_none("#invitation").await;
            }
        }
        for device in devices.both() {
            device.until_text("#room-name", "Lobby").await;
            device.until_listed(&[("Rooms", "Lobby", ""), ("Rooms", "accepted", "")]).await;
            device.until_unread(0).await;
        }
        phone.open_listed("accepted").await;
        phone.send_and_wait("from the phone").await;
        ann.open_listed("accepted").await;
        ann.until("the message", |view| view.has_sent("from the phone")).await;

        // Somebody else removes the person, who is in the room on both devices.
        desktop.open_listed("accepted").await;
        ann.open_dialog("room-menu", "room-settings").await;
        ann.click("#room-settings-list [data-nick=tom] .member-remove").await;
        ann.click(".member-confirm").await;
        for device in devices.both() {
            device.until_text("#room-name", "Lobby").await;
            device.until_listed(&[("Rooms", "Lobby", "")]).await;
        }
    });
}

#[test]
fn draft_and_session_belong_to_a_device() {
    browser_test("draft_and_session_belong_to_a_device", async |test| {
        let devices = log_in(test, &Server::start()).await;
        let Devices { desktop, phone, ann } = &devices;
        let tom = "tom";
        devices.begin_conversation("hello").await;
        ann.until_room_has(tom, "room.presence === 'online'").await;
        for device in devices.both() {
            device.until_room_has("ann", "room.presence === 'online'").await;
        }

        desktop.fill("#composer-text", "of the desktop").await;
        phone.fill("#composer-text", "of the phone").await;
        for (device, draft) in [(desktop, "of the desktop"), (phone, "of the phone")] {
            device.open_listed("ann").await;
            device.until("a room without a draft", |view| view.composer.as_deref() == Some("")).await;
            device.open_listed("Lobby").await;
            device.until("the draft", |view| view.composer.as_deref() == Some(draft)).await;
            device.reload().await;
            device.until("the draft", |view| view.online() && view.composer.as_deref() == Some(draft)).await;
        }

        // The person stays present while one of the devices is logged in.
        phone.click("#exit").await;
        phone.until("the login page", |view| view.login).await;
        desktop.send_and_wait("still here").await;
        ann.until_room_has("Lobby", "room.badge === '1'").await;
        ann.until_room_has(tom, "room.presence === 'online'").await;
        ann.open_listed("Lobby").await;
        let view = ann.until("the message", |view| view.has_sent("still here")).await;
        assert!(view.lists(tom), "{:?}", view.members);
        assert_eq!(view.presence_sentences(tom, "left"), 0, "{view:#?}");
        phone.reload().await;
        phone.until("it stays logged out", |view| view.login).await;
        desktop.reload().await;
        desktop.until("it stays logged in", |view| view.online() && view.lists(tom)).await;
        desktop.click("#exit").await;
        ann.until_room_has(tom, "room.presence === ''").await;
        ann.until("the person is gone", |view| !view.lists(tom)).await;
    });
}

#[test]
fn message_limit_belongs_to_the_account() {
    browser_test("message_limit_belongs_to_the_account", async |test| {
        let server = Server::start_with(&["--messages-per-minute", "20", "--burst", "3"]);
        let devices = log_in(test, &server).await;
        let Devices { desktop, phone, ann } = &devices;
        for text in ["one", "two", "three"] {
            desktop.send(text).await;
        }
        phone.until("the third message", |view| view.has_sent("three")).await;
        phone.send("four").await;
        let waits = |view: &View| view.note.is_some() && !view.has_sent("four");
        phone.until("the message waits", waits).await;
        ann.send_and_wait("of another account").await;
        phone.until("the message is sent", |view| view.has_sent("four")).await;
        desktop.until("the message", |view| view.has_sent("four")).await;
    });
}
