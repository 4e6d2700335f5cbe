//! What was said, what became of it, and what should have.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use parlour_e2e::{Glance, Logged, Said};

use crate::STORAGE_KEPT;

/// What was taken this long before its page was closed has been written down.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// How far it came with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Typed; whether the page took it is not known, or it was closed before it had written it down.
    Perhaps,
    /// The page took it, then.
    Taken(Instant),
    /// A page showed it as sent.
    Sent,
}

/// What was said, by its text, which is never the same twice.
#[derive(Debug, Default)]
pub struct Ledger {
    fates: BTreeMap<String, Fate>,
}

/// What became of it all.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Messages in the log.
    pub logged: usize,
    /// Said, and not there, for a reason.
    pub excused: usize,
    /// Not in the log, or not on a page, though they should be.
    pub lost: Vec<String>,
    /// More than once in the log, or on a page.
    pub doubled: Vec<String>,
    /// In the log or on a page, and said by nobody.
    pub invented: Vec<String>,
    /// Before what was typed before it, or on a page in another order than in the log.
    pub disorder: Vec<String>,
}

impl Verdict {
    /// Nothing is wrong.
    pub fn is_well(&self) -> bool {
        [&self.lost, &self.doubled, &self.invented, &self.disorder].iter().all(|wrong| wrong.is_empty())
    }
}

impl Ledger {
    /// It is about to be sent off.
    pub fn typed(&mut self, text: &str) {
        self.fates.insert(text.into(), Fate::Perhaps);
    }

    /// The page has emptied the composer: it is the page's now.
    pub fn taken(&mut self, text: &str) {
        if let Some(fate @ Fate::Perhaps) = self.fates.get_mut(text) {
            *fate = Fate::Taken(Instant::now());
        }
    }

    /// A page shows this.
    pub fn seen(&mut self, glance: &Glance) {
        for said in glance.messages.iter().filter(|said| said.delivery == "sent") {
            self.fates.insert(said.content.clone(), Fate::Sent);
        }
    }

    /// The pages on which one says what begins so are closed, or left.
    pub fn closed(&mut self, prefix: &str) {
        for (text, fate) in &mut self.fates {
            if let Fate::Taken(at) = *fate
                && text.starts_with(prefix)
                && !(STORAGE_KEPT && at.elapsed() > WRITTEN_WITHIN)
            {
                *fate = Fate::Perhaps;
            }
        }
    }

    /// Compares what was said with the log, and with what each page shows.
    pub fn verdict(&self, log: &[Logged], pages: &[(String, Vec<Said>)]) -> Verdict {
        let mut verdict = Verdict { logged: log.len(), ..Verdict::default() };
        let texts: Vec<_> = log.iter().map(|logged| &*logged.content).collect();
        self.compare("the log", &texts, &mut verdict);
        let in_log: BTreeSet<_> = texts.iter().copied().collect();
        let perhaps = |text: &&String| self.fates[*text] == Fate::Perhaps && !in_log.contains(&***text);
        verdict.excused = self.fates.keys().filter(perhaps).count();

        let order: Vec<_> = log.iter().map(|logged| &*logged.id).collect();
        for (page, messages) in pages {
            let texts: Vec<_> = messages.iter().map(|said| &*said.content).collect();
            self.compare(page, &texts, &mut verdict);
            let absent = in_log.iter().filter(|text| !texts.contains(text));
            verdict.lost.extend(absent.map(|text| format!("{page}: {text}, which is in the log")));
            let ids: Vec<_> = messages.iter().map(|said| &*said.id).collect();
            if let Some(at) = (0..ids.len().min(order.len())).find(|at| ids[*at] != order[*at]) {
                verdict.disorder.push(format!("{page}: {} in place {at}", texts[at]));
            }
        }
        verdict
    }

    fn compare(&self, place: &str, texts: &[&str], verdict: &mut Verdict) {
        let mut there = BTreeSet::new();
        // Per page, the number of what was typed last of what is there.
        let mut last = BTreeMap::new();
        for text in texts {
            if !there.insert(*text) {
                verdict.doubled.push(format!("{place}: {text}"));
            }
            if !self.fates.contains_key(*text) {
                verdict.invented.push(format!("{place}: {text}"));
            }
            let (page, number) = text.rsplit_once(' ').unwrap_or_default();
            let number: u32 = number.parse().unwrap_or_default();
            if last.insert(page, number).is_some_and(|before| before >= number) {
                verdict.disorder.push(format!("{place}: {text}"));
            }
        }
        let due = self.fates.iter().filter(|(_, fate)| **fate != Fate::Perhaps);
        let absent = due.filter(|(text, _)| !there.contains(&***text));
        verdict.lost.extend(absent.map(|(text, fate)| format!("{place}: {text} ({fate:?})")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(text: &str, seq: u64) -> Logged {
        Logged { id: format!("{text}!"), seq, nick: "tom".into(), content: text.into() }
    }

    fn said(text: &str) -> Said {
        Said { id: format!("{text}!"), content: text.into(), delivery: "sent".into() }
    }

    /// What is wrong: lost, doubled, invented, out of order.
    fn wrong(log: &[&str], page: &[&str]) -> [usize; 4] {
        let mut ledger = Ledger::default();
        for text in ["tom 1", "tom 2", "tom 3"] {
            ledger.typed(text);
            ledger.taken(text);
        }
        ledger.typed("tom 4");
        let log: Vec<_> = log.iter().zip(1..).map(|(text, seq)| logged(text, seq)).collect();
        let page = ("page".to_owned(), page.iter().map(|text| said(text)).collect());
        let Verdict { lost, doubled, invented, disorder, .. } = ledger.verdict(&log, &[page]);
        [lost.len(), doubled.len(), invented.len(), disorder.len()]
    }

    #[test]
    fn whatever_is_wrong_is_seen() {
        let all = ["tom 1", "tom 2", "tom 3"];
        assert_eq!(wrong(&all, &all), [0; 4]);
        let more = ["tom 1", "tom 2", "tom 3", "tom 4"];
        assert_eq!(wrong(&more, &more), [0; 4]);
        assert_eq!(wrong(&all[..2], &all[..2])[0], 2, "in the log and on the page");
        assert_eq!(wrong(&all, &all[..2])[0], 2, "taken, and in the log");
        assert_eq!(wrong(&more, &all)[0], 1, "not known to be taken, but in the log");
        assert_eq!(wrong(&["tom 1", "tom 2", "tom 2", "tom 3"], &all)[1], 1);
        assert_eq!(wrong(&all, &["tom 1", "tom 2", "tom 2", "tom 3"])[1], 1);
        assert_eq!(wrong(&["tom 1", "tom 2", "tom 3", "lili 1"], &more)[2], 1);
        assert_eq!(wrong(&["tom 2", "tom 1", "tom 3"], &["tom 2", "tom 1", "tom 3"])[3], 2);
        assert_eq!(wrong(&all, &["tom 1", "tom 3", "tom 2"])[3], 2, "by its number, and by the log");
    }
}
