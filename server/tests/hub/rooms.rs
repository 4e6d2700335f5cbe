//! Clients with the capability "rooms".

mod client;
mod commands;
mod device_links;
mod edits;
mod events;
mod failed_appends;
mod limits;
mod nicks;
mod presence;
mod property;
mod reactions;
mod resume;
