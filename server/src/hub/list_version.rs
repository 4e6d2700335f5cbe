//! Versions of room lists: a client that stays connected is told now and then up to which version of the log it knows the rows
//! of its list. So a reconnect after a day is sent the rows of the last minutes, and not all that have changed since the login.
//!
//! The version is read from the log. It holds for a client when all events up to it are published and their activity is told.

use std::collections::BTreeSet;

use parlour_core::{Millis, model::UserId};

use super::{Hub, rooms::activity::ACTIVITY_INTERVAL_MS};
use crate::store::{LogError, RoomResult, room_query::RoomQuery};

/// The least time between two versions, in ms.
const VERSION_INTERVAL_MS: Millis = 60_000;

/// The progress of telling the next version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum ListVersion {
    /// The log has not changed.
    #[default]
    Told,
    /// The time at which the version is to be read.
    ReadAt(Millis),
    /// The token of the query that reads it.
    Reading(u64),
    /// The version, and the batch that is settled when all events up to it are published.
    Read { version: u64, batch: u64 },
    /// The version whose events are published, and the time at which their activity is told.
    Published { version: u64, at: Millis },
}

impl ListVersion {
    /// The next deadline.
    pub fn next_due(&self) -> Option<Millis> {
        match self {
            Self::ReadAt(at) | Self::Published { at, .. } => Some(*at),
            Self::Told | Self::Reading(_) | Self::Read { .. } => None,
        }
    }
}

impl Hub {
    /// The log has changed.
    pub(super) fn list_version_changed(&mut self) {
        if self.list_version == ListVersion::Told && self.rooms.has_viewers() {
            self.list_version = ListVersion::ReadAt(self.now + VERSION_INTERVAL_MS);
        }
    }

    /// Continues if it is time.
    pub(super) fn continue_list_version(&mut self) {
        match self.list_version {
            ListVersion::ReadAt(at) if at <= self.now => {
                let token = self.queries.next_token();
                self.list_version = ListVersion::Reading(token);
                self.read_as_hub(token, None, RoomQuery::Version);
            }
            ListVersion::Read { version, batch } if self.append_queue.is_settled(batch) => {
                self.list_version = ListVersion::Published { version, at: self.now + ACTIVITY_INTERVAL_MS };
            }
            ListVersion::Published { version, at } if at <= self.now => {
                self.list_version = ListVersion::Told;
                // A row of theirs is being read, which may be of an earlier event.
                let except: BTreeSet<UserId> = self.reloads.values().map(|reload| reload.account).collect();
                self.rooms.tell_version(version, &except, &mut self.out);
            }
            _ => {}
        }
    }

    /// Handles the result of the query for the version. Returns it if it is of another query.
    pub(super) fn list_version_read(
        &mut self,
        token: u64,
        result: Result<RoomResult, LogError>,
    ) -> Option<Result<RoomResult, LogError>> {
        if self.list_version != ListVersion::Reading(token) {
            return Some(result);
        }
        self.list_version = match result {
            Ok(RoomResult::Version(version)) => {
                // The log may have executed all batches that were submitted until now.
                ListVersion::Read { version, batch: self.append_queue.next_batch() - 1 }
            }
            _ => ListVersion::ReadAt(self.now + VERSION_INTERVAL_MS),
        };
        None
    }
}
