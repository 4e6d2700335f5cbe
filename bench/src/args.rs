//! Command-line arguments.

use std::{collections::BTreeMap, path, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{report::Report, target::Paths};

const USAGE: &str = "\
usage: parlour-bench --server FILE --peers DIR --out DIR [--chrome FILE --dist DIR] [--check FILE] [--rounds N]
                     [--seconds N] [--only TEXT] [--missing PEER=WHY]...";

/// The parsed arguments.
#[derive(Debug, Default)]
pub struct Args {
    pub server: Option<String>,
    pub peers: Option<String>,
    pub out: Option<String>,
    pub chrome: Option<String>,
    pub dist: Option<String>,
    pub check: Option<String>,
    pub rounds: Option<String>,
    pub seconds: Option<String>,
    pub only: Option<String>,
    pub missing: BTreeMap<String, String>,
}

impl Args {
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut args = args;
        while let Some(flag) = args.next() {
            let value = args.next().context(USAGE)?;
            let slot = match flag.as_str() {
                "--server" => &mut parsed.server,
                "--peers" => &mut parsed.peers,
                "--out" => &mut parsed.out,
                "--chrome" => &mut parsed.chrome,
                "--dist" => &mut parsed.dist,
                "--check" => &mut parsed.check,
                "--rounds" => &mut parsed.rounds,
                "--seconds" => &mut parsed.seconds,
                "--only" => &mut parsed.only,
                "--missing" => {
                    let (peer, why) = value.split_once('=').context(USAGE)?;
                    parsed.missing.insert(peer.into(), why.into());
                    continue;
                }
                _ => bail!(USAGE),
            };
            *slot = Some(value);
        }
        Ok(parsed)
    }

    /// An empty report, with the peers that could not be fetched.
    pub fn report(&self) -> Result<Report> {
        let rounds = usize::try_from(number(&self.rounds, 3)?)?;
        Ok(Report { rounds, missing: self.missing.clone(), ..Report::default() })
    }

    pub fn paths(&self) -> Result<Paths> {
        Ok(Paths {
            server: self.server.as_ref().context(USAGE)?.into(),
            peers: self.peers.as_ref().context(USAGE)?.into(),
            // Absolute, because programs are started in other folders.
            out: path::absolute(self.out.as_ref().context(USAGE)?)?,
        })
    }

    /// The time unit from `--seconds`. Measurements take one or several units.
    pub fn span(&self) -> Result<Duration> {
        Ok(Duration::from_secs(number(&self.seconds, 3)?))
    }
}

fn number(text: &Option<String>, default: u64) -> Result<u64> {
    match text {
        None => Ok(default),
        Some(text) => text.parse().ok().filter(|n| *n > 0).context(USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_parsed() {
        let of = |text: &str| Args::parse(text.split_whitespace().map(str::to_owned));
        let parsed = of("--only client --missing lounge=away --missing ws=gone").unwrap();
        assert_eq!((parsed.only.as_deref(), parsed.missing.len()), (Some("client"), 2));
        assert_eq!(parsed.report().unwrap().missing["ws"], "gone");
        assert!(of("--only").is_err() && of("--missing lounge").is_err() && of("--what 1").is_err());
    }
}
