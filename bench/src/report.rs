//! Figures, as a table for people and as JSON for programs.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use crate::{measure::Figures, statistics::median, target::OURS};

/// All figures, in the order of measurement.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub rounds: usize,
    /// Peers that could not be measured, with the reasons.
    pub missing: BTreeMap<String, String>,
    /// Measurements that failed, with the reasons.
    pub failed: Vec<String>,
    pub figures: Vec<Figure>,
}

/// One row of the table.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub servers: Vec<Server>,
}

/// A server's values, one per round.
#[derive(Debug, Serialize)]
pub struct Server {
    pub name: String,
    pub median: Option<f64>,
    /// Parlour's median divided by this one.
    pub ratio: Option<f64>,
    pub values: Vec<f64>,
}

impl Report {
    /// Adds values of a server. A new row gets a column for each server, so that missing ones are visible.
    pub fn add(&mut self, servers: &[&str], of: &str, figures: Figures) {
        for (name, value) in figures {
            let at = self.figures.iter().position(|figure| figure.name == name).unwrap_or_else(|| {
                let empty = |name: &&str| Server {
                    name: (*name).into(),
                    median: None,
                    ratio: None,
                    values: Vec::new(),
                };
                self.figures.push(Figure { name, servers: servers.iter().map(empty).collect() });
                self.figures.len() - 1
            });
            if let Some(server) = self.figures[at].servers.iter_mut().find(|server| server.name == of) {
                server.values.push(value);
            }
        }
    }

    /// Returns `true` if nothing was measured or failed.
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty() && self.failed.is_empty()
    }

    /// Returns `true` if a peer has a column in the table.
    pub fn measures(&self, peer: &str) -> bool {
        self.figures.iter().any(|figure| figure.servers.iter().any(|server| server.name == peer))
    }

    /// No peer with a column is missing, and nothing failed.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && !self.missing.keys().any(|peer| self.measures(peer))
    }

    /// Computes medians and ratios.
    pub fn finish(&mut self) {
        for figure in &mut self.figures {
            for server in &mut figure.servers {
                server.median = median(&server.values);
            }
            let ours = figure.servers.iter().find(|server| server.name == OURS).and_then(|ours| ours.median);
            for server in figure.servers.iter_mut().filter(|server| server.name != OURS) {
                let ratio = ours.zip(server.median).map(|(ours, theirs)| ours / theirs);
                server.ratio = ratio.filter(|ratio| ratio.is_finite());
            }
        }
    }

    pub fn median(&self, figure: &str, server: &str) -> Option<f64> {
        self.server(figure, server)?.median
    }

    pub fn ratio(&self, figure: &str, to: &str) -> Option<f64> {
        self.server(figure, to)?.ratio
    }

    fn server(&self, figure: &str, server: &str) -> Option<&Server> {
        let figure = self.figures.iter().find(|it| it.name == figure)?;
        figure.servers.iter().find(|it| it.name == server)
    }

    /// Formats the table: medians, with Parlour's ratio to each peer in brackets.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let mut heads: Vec<&str> = Vec::new();
        for figure in &self.figures {
            let names: Vec<&str> = figure.servers.iter().map(|server| server.name.as_str()).collect();
            if names != heads {
                heads = names;
                let _ = write!(out, "\n{:<52}", "");
                heads.iter().for_each(|name| {
                    let _ = write!(out, "{name:>20}");
                });
                out.push('\n');
            }
            let _ = write!(out, "{:<52}", figure.name);
            for server in &figure.servers {
                let _ = write!(out, "{:>20}", self.cell(figure, server));
            }
            out.push('\n');
        }
        out
    }

    fn cell(&self, figure: &Figure, server: &Server) -> String {
        match (server.median, server.ratio) {
            (Some(median), Some(ratio)) => format!("{} (x {})", format_value(median), format_value(ratio)),
            (Some(median), None) => format_value(median),
            (None, _) if self.missing.contains_key(&server.name) => "missing".into(),
            // Some figures do not exist for every peer.
            (None, _) if figure.servers.iter().any(|it| it.median.is_some()) => "-".into(),
            (None, _) => "failed".into(),
        }
    }
}

/// Formats a value with three digits; a shared machine does not allow more precision.
fn format_value(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        f64::INFINITY => "never".into(),
        large if large >= 1e6 => format!("{:.2} M", value / 1e6),
        large if large >= 1e4 => format!("{:.1} k", value / 1e3),
        large if large >= 100.0 => format!("{value:.0}"),
        large if large >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_medians_ratios_and_missing_peers() {
        let mut report = Report::default();
        report.missing.insert("nats".into(), "not there".into());
        for (of, values) in [(OURS, [1.0, 9.0, 2.0]), ("bun", [4.0, 4.0, 5.0])] {
            for value in values {
                report.add(&[OURS, "bun", "nats"], of, vec![("speed".into(), value)]);
            }
        }
        report.finish();
        assert_eq!(report.median("speed", OURS), Some(2.0));
        assert_eq!((report.ratio("speed", "bun"), report.ratio("speed", "nats")), (Some(0.5), None));
        let table = report.table();
        assert!(table.contains("4.00 (x 0.50)") && table.contains("missing"), "{table}");
        assert_eq!(format_value(f64::INFINITY), "never");
        assert!(report.measures("nats") && !report.measures("ws") && !report.is_complete());
        report.missing.clear();
        assert!(report.is_complete());
        report.failed.push("speed".into());
        assert!(!report.is_complete());
    }
}
