//! A WebSocket message, from a peer that may be anybody.

use bytes::Bytes;
use parlour_core::codec::{self, BATCH_FRAMES, Envelope};

/// Decodes a message in all three ways. What is decoded means the same when it is encoded and decoded again, and is
/// never much larger than the message was.
///
/// # Panics
/// When it does not hold.
pub fn frame(data: &[u8]) {
    if let Ok(frame) = codec::decode(data) {
        same_again(&frame);
        is_bounded(&[frame], data);
    }
    if let Ok(frames) = codec::decode_rich(data) {
        assert!(frames.len() <= BATCH_FRAMES, "a batch of {}", frames.len());
        let batch = codec::batch(frames.iter().map(codec::encode).collect());
        assert_eq!(codec::decode_rich(&batch).as_ref(), Ok(&frames), "a batch is another one after encoding");
        is_bounded(&frames, data);
        come_apart(frames);
    }
    if let Ok(frames) = codec::decode_basic(data) {
        is_bounded(&frames, data);
        come_apart(frames);
    }
}

/// Frames that a basic server has joined, and one of its own after them, are the same after they are split.
fn come_apart(mut frames: Vec<Envelope>) {
    frames.push(codec::message("tom", "", None, "hi"));
    // A frame in which nothing is said takes no bytes, so between others it can't be seen.
    frames.retain(|frame| *frame != Envelope::default());
    let parts: Vec<Bytes> = frames.iter().map(codec::encode).collect();
    let split = codec::decode_basic(&parts.join(&b'\n'));
    assert_eq!(split, Ok(frames), "joined messages are others after splitting");
}

fn same_again(frame: &Envelope) {
    let bytes = codec::encode(frame);
    assert_eq!(codec::decode(&bytes).as_ref(), Ok(frame), "a frame is another one after encoding");
}

/// Of a number that was cut to 32 bits with its sign, two bytes come back as one; nothing else gets longer.
fn is_bounded(frames: &[Envelope], data: &[u8]) {
    let size: usize = frames.iter().map(|frame| codec::encode(frame).len()).sum();
    assert!(size <= 2 * data.len(), "{size} bytes out of {}", data.len());
    assert!(frames.len() <= data.len().max(1), "{} frames out of {} bytes", frames.len(), data.len());
}
