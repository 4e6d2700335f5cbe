//! The names of those who speak, each held once.

use std::sync::Arc;

/// Names, and a number for each. As many as have spoken since the room was entered.
#[derive(Debug, Default)]
pub struct Nicks {
    all: Vec<Arc<str>>,
    /// Their numbers, in order of the names.
    sorted: Vec<u32>,
}

impl Nicks {
    /// The number of a name, given to it if it has none.
    pub fn number(&mut self, nick: &Arc<str>) -> u32 {
        match self.sorted.binary_search_by(|number| self.all[*number as usize].cmp(nick)) {
            Ok(at) => self.sorted[at],
            Err(at) => {
                // Nobody has heard four thousand million people.
                #[allow(clippy::cast_possible_truncation)]
                let number = self.all.len() as u32;
                self.all.push(nick.clone());
                self.sorted.insert(at, number);
                number
            }
        }
    }

    /// The name of a number.
    pub fn get(&self, number: u32) -> Arc<str> {
        self.all[number as usize].clone()
    }
}
