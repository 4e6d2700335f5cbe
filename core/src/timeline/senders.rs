//! The senders, each stored once, with their present nicks.

use std::{collections::BTreeMap, sync::Arc};

use crate::model::UserId;

/// A sender: an account, or a nick where the server has not told the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Account(UserId),
    Nick(Arc<str>),
}

/// Numbers for senders. A sender stays for as long as the timeline exists.
#[derive(Debug, Default)]
pub struct Senders {
    senders: Vec<(Option<UserId>, Arc<str>)>,
    numbers: BTreeMap<Identity, u32>,
}

impl Senders {
    /// The number of a sender, a new one if it has none. An account has this nick from now on.
    pub fn intern(&mut self, account: Option<UserId>, nick: &Arc<str>) -> u32 {
        let identity = account.map_or_else(|| Identity::Nick(nick.clone()), Identity::Account);
        if let Some(number) = self.numbers.get(&identity) {
            self.senders[*number as usize].1.clone_from(nick);
            return *number;
        }
        #[allow(clippy::cast_possible_truncation, reason = "a client never has four billion senders")]
        let number = self.senders.len() as u32;
        self.senders.push((account, nick.clone()));
        self.numbers.insert(identity, number);
        number
    }

    /// Sets the nick of an account, if it has sent a message.
    pub fn rename(&mut self, account: UserId, nick: Arc<str>) {
        if let Some(number) = self.numbers.get(&Identity::Account(account)) {
            self.senders[*number as usize].1 = nick;
        }
    }

    /// The account and the nick of a number.
    pub fn get(&self, number: u32) -> (Option<UserId>, Arc<str>) {
        self.senders[number as usize].clone()
    }

    /// Returns `true` if a number is that of the sender of a message.
    pub fn is(&self, number: u32, account: Option<UserId>, nick: &Arc<str>) -> bool {
        let (sender, name) = &self.senders[number as usize];
        *sender == account && (account.is_some() || name == nick)
    }
}
