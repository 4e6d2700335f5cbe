//! Budgets: limits for Parlour's figures and for their ratios to those of peers. None is an absolute time.

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
    /// The peer whose figure Parlour's is divided by. Without it the limit is for the figure itself.
    to: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// The result of checking the budgets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A line for each exceeded budget.
    pub exceeded: Vec<String>,
    /// A line for each budget whose figure was not measured.
    pub not_measured: Vec<String>,
}

/// Checks the budgets against all reports.
pub fn check(budgets: &str, reports: &[&Report]) -> Result<Outcome> {
    let file: File = toml::from_str(budgets).context("invalid budgets file")?;
    let mut outcome = Outcome::default();
    for Budget { figure, to, at_least, at_most } in &file.budget {
        let (value, what) = match to {
            Some(to) => (
                reports.iter().find_map(|report| report.ratio(figure, to)),
                format!("{figure}, relative to {to}"),
            ),
            None => (reports.iter().find_map(|report| report.median(figure, OURS)), figure.clone()),
        };
        let Some(value) = value else {
            outcome.not_measured.push(format!("{what}: not measured"));
            continue;
        };
        if at_least.is_some_and(|least| value < least) || at_most.is_some_and(|most| value > most) {
            let bound = at_least.map(|least| format!("at least {least}"));
            let bound = bound.or(at_most.map(|most| format!("at most {most}"))).unwrap_or_default();
            outcome.exceeded.push(format!("{what}: {value:.3}, should be {bound}"));
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_file_is_valid() {
        let outcome = check(include_str!("../budgets.toml"), &[&Report::default()]).unwrap();
        assert!(outcome.exceeded.is_empty() && !outcome.not_measured.is_empty());
    }

    #[test]
    fn exceeded_budgets_are_reported() {
        let mut report = Report::default();
        for (of, value) in [(OURS, 2.0), ("bun", 4.0)] {
            report.add(&[OURS, "bun"], of, vec![("speed".into(), value)]);
        }
        report.finish();
        let of = |rest: &str| {
            let outcome =
                check(&format!("[[budget]]\nfigure = \"speed\"\n{rest}"), &[&Report::default(), &report])
                    .unwrap();
            (outcome.exceeded.len(), outcome.not_measured.len())
        };
        assert_eq!(of("to = \"bun\"\nat_least = 0.5"), (0, 0));
        assert_eq!(of("to = \"bun\"\nat_least = 0.6"), (1, 0));
        assert_eq!(of("at_most = 1"), (1, 0));
        assert_eq!(of("to = \"nats\"\nat_least = 1"), (0, 1));
        assert!(check("[[budget]]\nfigure = \"a\"\nat_lest = 1", &[]).is_err());
    }
}
