//! The program's arguments.

use std::{collections::BTreeMap, path, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{report::Report, target::Place};

const USAGE: &str = "\
usage: parlour-bench --server FILE --peers DIR --out DIR [--chrome FILE --dist DIR] [--check FILE] [--rounds N]
                     [--seconds N] [--only TEXT] [--missing PEER=WHY]...";

/// What was asked for.
#[derive(Debug, Default)]
pub struct Asked {
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

impl Asked {
    pub fn read(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked = Self::default();
        let mut args = args;
        while let Some(flag) = args.next() {
            let value = args.next().context(USAGE)?;
            let slot = match flag.as_str() {
                "--server" => &mut asked.server,
                "--peers" => &mut asked.peers,
                "--out" => &mut asked.out,
                "--chrome" => &mut asked.chrome,
                "--dist" => &mut asked.dist,
                "--check" => &mut asked.check,
                "--rounds" => &mut asked.rounds,
                "--seconds" => &mut asked.seconds,
                "--only" => &mut asked.only,
                "--missing" => {
                    let (peer, why) = value.split_once('=').context(USAGE)?;
                    asked.missing.insert(peer.into(), why.into());
                    continue;
                }
                _ => bail!(USAGE),
            };
            *slot = Some(value);
        }
        Ok(asked)
    }

    /// Nothing is in it but who is missing.
    pub fn report(&self) -> Result<Report> {
        let rounds = usize::try_from(number(&self.rounds, 3)?)?;
        Ok(Report { rounds, missing: self.missing.clone(), ..Report::default() })
    }

    pub fn place(&self) -> Result<Place> {
        Ok(Place {
            server: self.server.as_ref().context(USAGE)?.into(),
            peers: self.peers.as_ref().context(USAGE)?.into(),
            // What is started there has a directory of its own.
            out: path::absolute(self.out.as_ref().context(USAGE)?)?,
        })
    }

    /// How long things go on, or of what that is a multiple.
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
    fn what_is_asked_for() {
        let of = |text: &str| Asked::read(text.split_whitespace().map(str::to_owned));
        let asked = of("--only client --missing lounge=away --missing ws=gone").unwrap();
        assert_eq!((asked.only.as_deref(), asked.missing.len()), (Some("client"), 2));
        assert_eq!(asked.report().unwrap().missing["ws"], "gone");
        assert!(of("--only").is_err() && of("--missing lounge").is_err() && of("--what 1").is_err());
    }
}
