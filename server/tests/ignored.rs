//! Frames that mean nothing are ignored, but not without end: reading them is work for everybody's hub.

use parlour_core::{codec, status::Status};
use parlour_server::hub::{Hub, Recovered, Settings, output::Output, table::ConnId};

#[test]
fn who_sends_nothing_but_empty_frames_is_closed() {
    let mut hub = Hub::new(Settings::default(), Box::new(|bytes| bytes.fill(7)), &Recovered::default());
    let conn = ConnId::new(0, 1);
    hub.handle_connect(0, conn);
    let empty = codec::encode(&codec::message("tom", "", None, ""));
    let mut sent = 0;
    let closed = loop {
        hub.handle_frame(1, 1, conn, &empty);
        sent += 1;
        assert!(sent < 1_000, "a thousand frames, and nobody minds");
        let mut outputs = std::iter::from_fn(|| hub.poll_output());
        if let Some(Output::Close { status, .. }) =
            outputs.find(|output| matches!(output, Output::Close { .. }))
        {
            break status;
        }
    };
    assert_eq!(closed, Status::RateLimited);
    assert!(sent > 20, "a few are nothing to be closed for: {sent}");
}
