//! WebSocket: it carries, it does not decide.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`upgrade`] | the handshake, up to the raw socket |
//! | [`reader`] | bytes to messages, sans-IO |
//! | [`frame`] | messages to bytes |
//! | [`queue`] | what waits to be written |
//! | [`socket`] | one task per connection that does all this on a socket |

pub mod frame;
pub mod queue;
pub mod reader;
pub mod socket;
pub mod upgrade;
