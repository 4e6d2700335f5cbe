//! The data that a client persists on its device, for one account on one server (a scope): the keys and encoded values,
//! and the changes to make to them.
//!
//! Changes that belong together are reported together and must be made in one transaction: the position of a room is
//! recorded only together with its messages.
//!
//! Values are protobuf: the types of `proto/device.proto`, which stay readable for all later versions of the client.
//! Values that can't be decoded are skipped, because the server still has the messages of the room. Decoding never panics.
//!
//! | module | contents |
//! | --- | --- |
//! | `key` | tables, keys and changes |
//! | `scope` | the names of scopes, and the accounts that they belong to |
//! | [`account`], [`room`], [`queue`] | the values of the account and its rooms |
//! | `stored` | all that a client reads when it starts |
//! | [`draft`], [`scroll`] | what each tab keeps of a room |

pub mod account;
pub mod draft;
mod key;
pub mod queue;
pub mod room;
mod scope;
pub mod scroll;
mod stored;

pub use self::{
    key::{Change, DATABASE_VERSION, Key, KeyRange, Rows, Table},
    scope::{ScopeChange, Scopes, server_url},
    stored::Stored,
};
/// The number of a room's newest messages that are persisted. Older ones are deleted together, once half as many have
/// accumulated.
pub const PERSISTED_MESSAGES: usize = 500;

#[cfg(test)]
mod tests;
