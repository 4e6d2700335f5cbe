//! Read cursors: what the user sees and marks, told to the server and to the other tabs.

use parlour_core::{
    client::{Command, Origin, cursor::Cursor, state::ClientState},
    model::RoomId,
};

use super::{Service, browser};

impl Service {
    /// Changes the state of this tab, and tells the other tabs and the server if the read cursor of a room has moved.
    pub(super) fn move_cursor(&self, room: RoomId, act: impl FnOnce(&mut ClientState) + 'static) {
        self.guarded(move |service| {
            if service.is_follower() {
                // It tells the leader of cursors that have moved.
                return service.with_follower(|follower| act(follower.state_mut()));
            }
            service.with_client(|client| {
                let before = cursor(client.state(), room);
                act(client.state_mut());
                if let Some(cursor) = cursor(client.state(), room).filter(|cursor| Some(*cursor) != before) {
                    // Nobody waits for the answer.
                    client.handle_command(browser::now(), Origin::LOCAL, 0, Command::Read { room, cursor });
                }
            });
        });
    }
}

fn cursor(state: &ClientState, room: RoomId) -> Option<Cursor> {
    state.account().room(room).map(|entry| entry.cursor())
}
