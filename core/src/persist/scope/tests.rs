use super::*;

const SERVER: &str = "ws://[::1]:8080/ws";
const OTHER_SERVER: &str = "ws://[::1]:8081/ws";
const TOM: UserId = UserId([1; 16]);
const LILI: UserId = UserId(*b"\x00\x01\x02345678\xFFabcdef");

/// The table, as the page keeps it: every change is written, and read again before the next one.
#[derive(Default)]
struct Device(Vec<(String, String)>);

impl Device {
    fn scopes(&self) -> Scopes {
        Scopes::read(self.0.clone())
    }

    fn change<C: IntoIterator<Item = ScopeChange>>(&mut self, change: impl FnOnce(&mut Scopes) -> C) {
        let mut scopes = self.scopes();
        for (scope, value) in change(&mut scopes) {
            self.0.retain(|(listed, _)| *listed != scope);
            self.0.extend(value.map(|value| (scope, value)));
        }
        let sorted = |Scopes(mut rows): Scopes| {
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            rows
        };
        assert_eq!(sorted(self.scopes()), sorted(scopes), "everything that has changed is returned");
    }

    /// Logs in with a nick, which the server gives to an account.
    fn log_in(&mut self, nick: &str, account: UserId) -> String {
        let scope = self.scopes().of_nick(SERVER, nick);
        self.logged_in(&scope, nick, account);
        scope
    }

    fn logged_in(&mut self, scope: &str, nick: &str, account: UserId) {
        self.change(|scopes| scopes.logged_in(scope, nick, Some(account)));
    }

    /// Logs out, and deletes what the device has of the account.
    fn log_out(&mut self, scope: &str) {
        self.change(|scopes| scopes.logged_out(scope, scopes.owner(scope).and_then(|owner| owner.account)));
        self.change(|scopes| scopes.deleted(scope));
    }
}

#[test]
fn each_nick_on_each_server_has_its_own_scope() {
    let scope = Scopes::default().of_nick("wss://Chat.example/ws", "Tom Ä");
    assert_eq!(scope, "wss://Chat.example/ws\ntom Ä");
    assert_eq!(server_url(&scope), "wss://Chat.example/ws");
    let scopes = Scopes::default();
    assert_eq!(scopes.of_nick(SERVER, "Tom"), scopes.of_nick(SERVER, "tom"));
    assert_ne!(scopes.of_nick(SERVER, "tom"), scopes.of_nick(OTHER_SERVER, "tom"));
    assert_ne!(scopes.of_nick(SERVER, "tom"), scopes.of_nick(SERVER, "lili"));
}

#[test]
fn a_scope_stays_when_the_nick_changes() {
    let mut device = Device::default();
    let scope = device.log_in("tom", TOM);
    device.logged_in(&scope, "Tom2", TOM);
    assert_eq!(device.scopes().of_nick(SERVER, "tom2"), scope);
    assert_eq!(device.scopes().of_account(SERVER, TOM, "tom2"), scope);
    // Also if the nick was changed on another device.
    assert_eq!(device.scopes().of_account(SERVER, TOM, "tom3"), scope);
    assert_ne!(device.scopes().of_nick(OTHER_SERVER, "tom2"), scope);
    assert_ne!(device.scopes().of_account(OTHER_SERVER, TOM, "tom2"), scope);
}

#[test]
fn the_name_of_a_scope_is_not_used_again_by_the_next_holder_of_the_nick() {
    let mut device = Device::default();
    let toms = device.log_in("tom", TOM);
    device.logged_in(&toms, "tom2", TOM);
    let chosen = device.scopes().of_nick(SERVER, "tom");
    assert_eq!(chosen, device.scopes().of_nick(SERVER, "TOM"), "two tabs that log in at once share it");
    let lilis = device.log_in("tom", LILI);
    assert_eq!(lilis, chosen);
    assert_ne!(lilis, toms);
    assert_eq!(server_url(&lilis), SERVER);
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), lilis);
    assert_eq!(device.scopes().of_nick(SERVER, "tom2"), toms);
    // A third one.
    device.logged_in(&lilis, "lili", LILI);
    let third = device.scopes().of_nick(SERVER, "tom");
    assert!(![toms, lilis].contains(&third), "{third}");
}

#[test]
fn a_nick_belongs_to_the_account_that_got_it_last() {
    let mut device = Device::default();
    let toms = device.log_in("tom", TOM);
    let lilis = device.log_in("lili", LILI);
    device.logged_in(&lilis, "TOM", LILI);
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), lilis);
    assert_eq!(device.scopes().of_account(SERVER, TOM, "tom"), toms, "it is still logged in");
    // An account from before the table.
    let mut device = Device::default();
    device.logged_in(&lilis, "tom", LILI);
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), lilis);
    device.logged_in(&lilis, "lili", LILI);
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), toms);
}

#[test]
fn an_account_never_enters_the_scope_of_another_one_with_its_nick() {
    let mut device = Device::default();
    let toms = device.log_in("tom", TOM);
    // Its nick was given to another account, of which this device does not know yet.
    let other = device.scopes().of_account(SERVER, LILI, "tom");
    assert_ne!(other, toms);
    device.logged_in(&other, "tom", LILI);
    assert_eq!(device.scopes().of_account(SERVER, LILI, "tom"), other);
    assert_eq!(device.scopes().of_account(SERVER, TOM, "tom"), toms);
}

#[test]
fn nothing_is_left_after_a_logout() {
    let mut device = Device::default();
    let scope = device.log_in("tom", TOM);
    device.log_out(&scope);
    assert_eq!(device.0, []);
    assert_eq!(device.log_in("tom", LILI), scope, "its drafts are found");
    device.logged_in(&scope, "tom2", LILI);
    device.change(|scopes| scopes.free(&scope));
    assert_eq!(device.scopes().of_nick(SERVER, "tom2"), scope, "the account is logged in");
    device.log_out(&scope);
    device.change(|scopes| scopes.free(&scope));
    assert_eq!(device.0, []);
    device.log_out(&scope);
    assert_eq!(device.0, []);
}

#[test]
fn a_logout_is_known_until_the_data_is_deleted() {
    let mut device = Device::default();
    let scope = device.log_in("tom", TOM);
    assert!(!device.scopes().is_left(&scope));
    device.change(|scopes| scopes.logged_out(&scope, Some(LILI)));
    assert!(!device.scopes().is_left(&scope), "another account has left");
    assert!(device.scopes().is_logged_in(&scope, Some(TOM)));
    assert!(!device.scopes().is_logged_in(&scope, Some(LILI)));
    device.change(|scopes| scopes.logged_out(&scope, Some(TOM)));
    device.change(|scopes| scopes.free(&scope));
    assert!(device.scopes().is_left(&scope), "it is not free before the data is deleted");
    assert!(!device.scopes().is_logged_in(&scope, Some(TOM)));
    assert_eq!(device.scopes().left().collect::<Vec<_>>(), [&scope]);
    assert!(!device.0.iter().any(|(_, value)| value.contains(&format!("{TOM:?}"))), "{:?}", device.0);
    // Somebody else logs in meanwhile.
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), scope);
    assert_eq!(device.scopes().of_account(SERVER, LILI, "tom"), scope);
    device.logged_in(&scope, "tom", LILI);
    assert!(!device.scopes().is_left(&scope));
    device.change(|scopes| scopes.deleted(&scope));
    assert_eq!(device.scopes().of_account(SERVER, LILI, "tom2"), scope, "the new account stays");
    // The data can't be deleted.
    device.change(|scopes| scopes.avoid(&scope));
    assert_eq!(device.scopes().of_nick(SERVER, "tom"), scope, "the new account stays");
    device.change(|scopes| scopes.logged_out(&scope, Some(LILI)));
    device.change(|scopes| scopes.avoid(&scope));
    assert!(device.scopes().is_left(&scope));
    assert_ne!(device.scopes().of_account(SERVER, TOM, "tom"), scope);
    let other = device.log_in("tom", TOM);
    assert_ne!(other, scope);
    device.change(|scopes| scopes.deleted(&scope));
    device.change(|scopes| scopes.free(&scope));
    assert_eq!(device.0.len(), 1, "{:?}", device.0);
}

#[test]
fn an_account_is_not_logged_in_after_its_data_was_deleted() {
    // With the nick in the name of the scope, and with another one, for which the scope stays reserved.
    for nick in ["tom", "tom2"] {
        let mut device = Device::default();
        let scope = device.log_in("tom", TOM);
        device.logged_in(&scope, nick, TOM);
        assert!(device.scopes().is_logged_in(&scope, Some(TOM)));
        device.log_out(&scope);
        assert!(!device.scopes().is_logged_in(&scope, Some(TOM)), "{:?}", device.0);
    }
}

#[test]
fn drafts_stay_with_the_nick_after_a_logout() {
    let mut device = Device::default();
    let scope = device.log_in("tom", TOM);
    device.logged_in(&scope, "tom2", TOM);
    device.log_out(&scope);
    assert_ne!(device.scopes().of_nick(SERVER, "tom"), scope);
    assert_eq!(device.scopes().of_nick(SERVER, "tom2"), scope);
    assert_eq!(device.scopes().of_account(SERVER, LILI, "tom2"), scope, "the account is gone");
    let [(_, value)] = &device.0[..] else { panic!("{:?}", device.0) };
    assert_eq!(value, "tom2", "of the account itself nothing is left");
}

#[test]
fn a_login_does_not_use_the_scope_of_an_account_that_cannot_be_read() {
    let (mut scopes, scope) = (Scopes::default(), format!("{SERVER}\nann"));
    assert_eq!(scopes.beside(&scope, "ann"), None, "nobody has used it");
    scopes.logged_in(&scope, "ann", Some(UserId([1; 16])));
    assert_eq!(scopes.beside(&scope, "ann"), Some(format!("{SERVER}\nann,2")));
    // Once that login has succeeded, the nick leads there. The other account keeps its scope.
    scopes.logged_in(&format!("{SERVER}\nann,2"), "ann", Some(UserId([2; 16])));
    assert_eq!(scopes.of_nick(SERVER, "ann"), format!("{SERVER}\nann,2"));
    assert!(scopes.is_logged_in(&scope, Some(UserId([1; 16]))));
    let _ = scopes.logged_out(&scope, Some(UserId([1; 16])));
    assert_eq!(scopes.beside(&scope, "ann"), None, "it can be avoided for good");
}

#[test]
fn rows_are_read_as_they_were_written() {
    for account in [None, Some(TOM), Some(LILI), Some(UserId([0; 16]))] {
        for nick in ["tom", "李", ""] {
            for is_left in [false, account.is_none()] {
                let owner = Owner { nick: nick.into(), account, is_left };
                assert_eq!(Owner::decode(&owner.encode()), owner);
            }
        }
    }
    let long = format!("tom\n{}", "0".repeat(33));
    let signed = format!("tom\n+{}", "0".repeat(31));
    for value in ["tom", "tom\n", "tom\n12", &long, &signed] {
        let owner = Owner::decode(value);
        assert_eq!((owner.nick.as_str(), owner.account.is_some()), ("tom", false), "{value:?}");
    }
}
