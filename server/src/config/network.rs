//! A network of addresses, as a setting.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::Deserialize;

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl Network {
    /// Returns `true` if an address belongs to the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The same network in IPv4 if it is one of IPv4-mapped IPv6 addresses.
    #[must_use]
    pub fn canonical(self) -> Self {
        match (self.0.addr().to_canonical(), self.0.prefix_len().checked_sub(96)) {
            (IpAddr::V4(address), Some(length)) if self.0.addr().is_ipv6() => {
                IpNet::new(address.into(), length).map_or(self, Self)
            }
            _ => self,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.map(Self).ok_or_else(|| {
            format!("\"{text}\" is not an address or a network; write 10.0.0.1, 10.0.0.0/8 or fd00::/8")
        })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
