//! Clients with the capability "rooms".

mod client;
mod commands;
mod events;
mod property;
mod resume;
