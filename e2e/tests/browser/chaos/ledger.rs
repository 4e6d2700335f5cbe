//! Records every message that a user typed, and compares the record with the final result.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use parlour_e2e::{MessagesView, ShownMessage, StoredMessage};

/// A message must be persisted if the page accepted it at least this long before it was closed.
const PERSISTED_WITHIN: Duration = Duration::from_secs(1);

/// The last known state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Typed. Either the page may not have accepted it, or the page was closed before the message had to be persisted.
    Uncertain,
    /// Accepted by the page at this time.
    Accepted(Instant),
    /// Shown as sent by a page.
    Sent,
}

/// All typed messages by their text, which is unique.
#[derive(Debug, Default)]
pub struct Ledger {
    messages: BTreeMap<String, Progress>,
}

/// The result of the comparison.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Number of stored messages.
    pub stored: usize,
    /// Number of messages that are missing for a valid reason.
    pub excused: usize,
    /// Missing in the message log or on a page without a valid reason.
    pub lost: Vec<String>,
    /// More than once in the message log or on a page.
    pub duplicated: Vec<String>,
    /// In the message log or on a page, but never typed.
    pub invented: Vec<String>,
    /// Before a message of the same tab that was typed earlier, or in a different order than in the message log.
    pub misordered: Vec<String>,
}

impl Verdict {
    /// No error was found.
    pub fn is_ok(&self) -> bool {
        [&self.lost, &self.duplicated, &self.invented, &self.misordered]
            .iter()
            .all(|errors| errors.is_empty())
    }
}

impl Ledger {
    /// The message is about to be sent.
    pub fn typed(&mut self, text: &str) {
        self.messages.insert(text.into(), Progress::Uncertain);
    }

    /// The page has emptied the composer, so it is responsible for the message.
    pub fn accepted(&mut self, text: &str) {
        if let Some(progress @ Progress::Uncertain) = self.messages.get_mut(text) {
            *progress = Progress::Accepted(Instant::now());
        }
    }

    /// Records the messages that a page shows as sent.
    pub fn seen(&mut self, view: &MessagesView) {
        for shown in view.messages.iter().filter(|shown| shown.delivery == "sent") {
            self.messages.insert(shown.content.clone(), Progress::Sent);
        }
    }

    /// The tabs whose messages have this prefix are closed or left.
    pub fn closed(&mut self, prefix: &str) {
        for (text, progress) in &mut self.messages {
            if let Progress::Accepted(at) = *progress
                && text.starts_with(prefix)
                && at.elapsed() <= PERSISTED_WITHIN
            {
                *progress = Progress::Uncertain;
            }
        }
    }

    /// Compares the record with the message log and with what each page shows.
    pub fn verdict(&self, log: &[StoredMessage], shown_by_page: &[(String, Vec<ShownMessage>)]) -> Verdict {
        let mut verdict = Verdict { stored: log.len(), ..Verdict::default() };
        let texts: Vec<_> = log.iter().map(|stored| &*stored.content).collect();
        self.compare("the message log", &texts, &mut verdict);
        let in_log: BTreeSet<_> = texts.iter().copied().collect();
        let is_excused =
            |text: &&String| self.messages[*text] == Progress::Uncertain && !in_log.contains(&***text);
        verdict.excused = self.messages.keys().filter(is_excused).count();

        let order: Vec<_> = log.iter().map(|stored| &*stored.id).collect();
        for (page, messages) in shown_by_page {
            let texts: Vec<_> = messages.iter().map(|shown| &*shown.content).collect();
            self.compare(page, &texts, &mut verdict);
            let absent = in_log.iter().filter(|text| !texts.contains(text));
            verdict.lost.extend(absent.map(|text| format!("{page}: {text}, which is stored")));
            let ids: Vec<_> = messages.iter().map(|shown| &*shown.id).collect();
            if let Some(at) = (0..ids.len().min(order.len())).find(|at| ids[*at] != order[*at]) {
                verdict.misordered.push(format!("{page}: {} at index {at}", texts[at]));
            }
        }
        verdict
    }

    fn compare(&self, source: &str, texts: &[&str], verdict: &mut Verdict) {
        let mut present = BTreeSet::new();
        // The number of the last message seen of each tab.
        let mut last = BTreeMap::new();
        for text in texts {
            if !present.insert(*text) {
                verdict.duplicated.push(format!("{source}: {text}"));
            }
            if !self.messages.contains_key(*text) {
                verdict.invented.push(format!("{source}: {text}"));
            }
            let (page, number) = text.rsplit_once(' ').unwrap_or_default();
            let number: u32 = number.parse().unwrap_or_default();
            if last.insert(page, number).is_some_and(|before| before >= number) {
                verdict.misordered.push(format!("{source}: {text}"));
            }
        }
        let due = self.messages.iter().filter(|(_, progress)| **progress != Progress::Uncertain);
        let absent = due.filter(|(text, _)| !present.contains(&***text));
        verdict.lost.extend(absent.map(|(text, progress)| format!("{source}: {text} ({progress:?})")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str, seq: u64) -> StoredMessage {
        StoredMessage { id: format!("{text}!"), seq, nick: "tom".into(), content: text.into() }
    }

    fn shown(text: &str) -> ShownMessage {
        ShownMessage { id: format!("{text}!"), content: text.into(), delivery: "sent".into() }
    }

    /// The numbers of lost, duplicated, invented and misordered messages.
    fn errors(log: &[&str], page: &[&str]) -> [usize; 4] {
        let mut ledger = Ledger::default();
        for text in ["tom 1", "tom 2", "tom 3"] {
            ledger.typed(text);
            ledger.accepted(text);
        }
        ledger.typed("tom 4");
        let log: Vec<_> = log.iter().zip(1..).map(|(text, seq)| stored(text, seq)).collect();
        let page = ("page".to_owned(), page.iter().map(|text| shown(text)).collect());
        let Verdict { lost, duplicated, invented, misordered, .. } = ledger.verdict(&log, &[page]);
        [lost.len(), duplicated.len(), invented.len(), misordered.len()]
    }

    #[test]
    fn verdict_detects_every_kind_of_error() {
        let all = ["tom 1", "tom 2", "tom 3"];
        assert_eq!(errors(&all, &all), [0; 4]);
        let more = ["tom 1", "tom 2", "tom 3", "tom 4"];
        assert_eq!(errors(&more, &more), [0; 4]);
        assert_eq!(errors(&all[..2], &all[..2])[0], 2, "missing in the log and on the page");
        assert_eq!(errors(&all, &all[..2])[0], 2, "missing on the page, although accepted and stored");
        assert_eq!(errors(&more, &all)[0], 1, "missing on the page; not known to be accepted, but stored");
        assert_eq!(errors(&["tom 1", "tom 2", "tom 2", "tom 3"], &all)[1], 1);
        assert_eq!(errors(&all, &["tom 1", "tom 2", "tom 2", "tom 3"])[1], 1);
        assert_eq!(errors(&["tom 1", "tom 2", "tom 3", "lili 1"], &more)[2], 1);
        assert_eq!(errors(&["tom 2", "tom 1", "tom 3"], &["tom 2", "tom 1", "tom 3"])[3], 2);
        assert_eq!(
            errors(&all, &["tom 1", "tom 3", "tom 2"])[3],
            2,
            "by number, and by the order of the log"
        );
    }
}
