//! Clients with the capability "rooms".

mod client;
mod commands;
mod device_links;
mod events;
mod limits;
mod nicks;
mod property;
mod resume;
