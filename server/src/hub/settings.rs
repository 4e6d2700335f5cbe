//! The hub's settings.

use parlour_core::{Millis, limits::Limits};

use crate::store::RoomLimits;

/// The default rate of all members at one address together, as a multiple of the rate of one member. With the other
/// defaults, a class of 200 may write a message each in two seconds.
pub const ADDRESS_FACTOR: u32 = 20;

/// The hub's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's name, sent in the welcome and used as the sender of its texts to basic clients. No member
    /// can have it.
    pub server_name: String,
    /// The limits.
    pub limits: Limits,
    /// The most rooms that an account is in, for the welcome.
    pub rooms: u32,
    /// The interval at which a rich client should send a Ping.
    pub heartbeat_ms: u32,
    /// The time that a connection has to log in.
    pub login_timeout: Millis,
    /// The time for which a lost session can be resumed.
    pub session_grace: Millis,
    /// The number of lost sessions that are stored.
    pub max_lost_sessions: usize,
    /// The number of them that may be of one address.
    pub max_lost_sessions_per_address: usize,
    /// The time for which the nick of a lost session is reserved.
    pub name_grace: Millis,
    /// The rate of all members at one address together, as a multiple of the rate of one member; 0 for no limit.
    pub address_factor: u32,
    /// The number of logins that are admitted per second on average; 0 for no limit.
    pub logins_per_second: u32,
    /// The number of logins that are admitted at once.
    pub login_burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server_name: "Parlour".into(),
            limits: Limits::default(),
            rooms: RoomLimits::default().rooms_per_account,
            heartbeat_ms: 15_000,
            login_timeout: 10_000,
            session_grace: 24 * 3_600_000,
            max_lost_sessions: 50_000,
            max_lost_sessions_per_address: 1_000,
            name_grace: 60_000,
            address_factor: ADDRESS_FACTOR,
            logins_per_second: 2_000,
            login_burst: 4_000,
        }
    }
}
