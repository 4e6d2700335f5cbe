//! The client of a server with the capability "rooms": accounts, many rooms, read cursors.
//!
//! The reducers are used by the leader tab, which feeds them from its socket, and by the follower tabs, which the leader
//! feeds. All of them see the same events in the same order, so all have the same state.
//!
//! | module | contents |
//! | --- | --- |
//! | [`state`] | [`ClientState`](state::ClientState): the reducers below, fed with the server's events |
//! | [`account`] | the account and its room list: names, read cursors, unread counts |
//! | [`room`] | one room: position, known ranges, gaps, own unsent messages |
//! | [`people`] | the nicks and the presence of other accounts |
//! | [`cursor`] | read cursors |

pub mod account;
pub mod cursor;
pub mod people;
pub mod room;
pub mod state;
