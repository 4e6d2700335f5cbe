//! Budgets: how far Parlour may be behind others, and what it may need. Ratios and exact figures, never seconds.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{report::Report, target::OURS};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    budget: Vec<Budget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    figure: String,
    /// The server that Parlour's figure is divided by; without one it is the figure itself.
    to: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// What came of the budgets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A line for each that is exceeded.
    pub exceeded: Vec<String>,
    /// A line for each of which there is no figure.
    pub open: Vec<String>,
}

/// Holds what any of the reports has against the budgets.
pub fn check(budgets: &str, reports: &[&Report]) -> Result<Outcome> {
    let file: File = toml::from_str(budgets).context("the budgets are wrong")?;
    let mut outcome = Outcome::default();
    for Budget { figure, to, at_least, at_most } in &file.budget {
        let (value, what) = match to {
            Some(to) => {
                (reports.iter().find_map(|report| report.ratio(figure, to)), format!("{figure}, by {to}'s"))
            }
            None => (reports.iter().find_map(|report| report.median(figure, OURS)), figure.clone()),
        };
        let Some(value) = value else {
            outcome.open.push(format!("{what}: there is no figure"));
            continue;
        };
        if at_least.is_some_and(|least| value < least) || at_most.is_some_and(|most| value > most) {
            let bound = at_least.map(|least| format!("at least {least}"));
            let bound = bound.or(at_most.map(|most| format!("at most {most}"))).unwrap_or_default();
            outcome.exceeded.push(format!("{what}: {value:.3} and should be {bound}"));
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_s_budgets_can_be_read() {
        let outcome = check(include_str!("../budgets.toml"), &[&Report::default()]).unwrap();
        assert!(outcome.exceeded.is_empty() && !outcome.open.is_empty());
    }

    #[test]
    fn past_a_bound_is_told() {
        let mut report = Report::default();
        for (of, value) in [(OURS, 2.0), ("bun", 4.0)] {
            report.add(&[OURS, "bun"], of, vec![("speed".into(), value)]);
        }
        report.finish();
        let of = |rest: &str| {
            let outcome =
                check(&format!("[[budget]]\nfigure = \"speed\"\n{rest}"), &[&Report::default(), &report])
                    .unwrap();
            (outcome.exceeded.len(), outcome.open.len())
        };
        assert_eq!(of("to = \"bun\"\nat_least = 0.5"), (0, 0));
        assert_eq!(of("to = \"bun\"\nat_least = 0.6"), (1, 0));
        assert_eq!(of("at_most = 1"), (1, 0));
        assert_eq!(of("to = \"nats\"\nat_least = 1"), (0, 1));
        assert!(check("[[budget]]\nfigure = \"a\"\nat_lest = 1", &[]).is_err());
    }
}
