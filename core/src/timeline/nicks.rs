//! The nicks of the senders, each stored once.

use std::{collections::BTreeMap, sync::Arc};

/// Numbers for nicks. A nick stays for as long as the timeline exists.
#[derive(Debug, Default)]
pub struct Nicks {
    nicks: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
}

impl Nicks {
    /// The number of a nick, a new one if it has none.
    pub fn intern(&mut self, nick: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(nick) {
            return *number;
        }
        #[allow(clippy::cast_possible_truncation, reason = "a client never has four billion nicks")]
        let number = self.nicks.len() as u32;
        self.nicks.push(nick.clone());
        self.numbers.insert(nick.clone(), number);
        number
    }

    /// The nick of a number.
    pub fn get(&self, number: u32) -> Arc<str> {
        self.nicks[number as usize].clone()
    }
}
