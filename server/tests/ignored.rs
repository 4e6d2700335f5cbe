//! Ignored envelopes are rate limited too, because the hub has to parse them.

use parlour_core::{codec, status::Status};
use parlour_server::hub::{Hub, Recovered, Settings, connection_table::ConnectionId, output::Output};

#[test]
fn ignored_envelopes_are_rate_limited() {
    let mut hub = Hub::new(Settings::default(), Box::new(|bytes| bytes.fill(7)), &Recovered::default());
    let conn = ConnectionId::new(0, 1);
    hub.handle_connect(0, conn, [127, 0, 0, 1].into());
    let empty = codec::encode(&codec::message("tom", None, ""));
    let mut sent = 0;
    let closed = loop {
        hub.handle_frame(1, 1, conn, &empty);
        sent += 1;
        assert!(sent < 1_000, "the connection was never closed");
        let mut outputs = std::iter::from_fn(|| hub.poll_output());
        if let Some(Output::Close { status, .. }) =
            outputs.find(|output| matches!(output, Output::Close { .. }))
        {
            break status;
        }
    };
    assert_eq!(closed, Status::RateLimited);
    assert!(sent > 20, "closed too early: {sent}");
}
