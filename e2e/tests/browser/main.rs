//! Browser tests: the real page and the real server, driven in real browsers as a person would.
//!
//! All are in one binary: it is linked once, and tests of different modules run side by side.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod announcements;
mod basic;
mod broken_browser;
mod chaos;
mod clipping;
mod crash;
mod desktop;
mod device;
mod device_links;
mod device_upgrade;
mod dialog_screens;
mod dialogs;
mod drafts;
mod edits;
mod emoji;
mod extensions;
mod focus;
mod forms;
mod history;
mod hosting;
mod hung_tabs;
mod input;
mod large_room;
mod links;
mod loading;
mod logouts;
mod many_rooms;
mod markup;
mod messaging;
mod phone;
mod poison;
mod reactions;
mod reading;
mod refusals;
mod renames;
mod reverse_proxy;
mod room_changes;
mod room_module;
mod rooms;
mod rooms_timeline;
mod scopes;
mod screenshots;
mod search;
mod search_part;
mod service_worker;
mod settings;
mod site_data;
mod tabs;
mod texts_stay;
mod trunk_serve;
mod two_devices;
