//! A WebSocket message, from a peer that may be anybody.

use bytes::Bytes;
use parlour_core::codec::{self, BATCH_FRAMES, Frame};

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
    }
    if let Ok(frames) = codec::decode_basic(data) {
        is_bounded(&frames, data);
        // A frame in which nothing is said takes no bytes, so between others it can't be seen.
        let said: Vec<Frame> = frames.into_iter().filter(|frame| *frame != Frame::default()).collect();
        let parts: Vec<Bytes> = said.iter().map(codec::encode).collect();
        let joined = parts.join(&b'\n');
        let split = codec::decode_basic(&joined);
        let split = split.map(|mut frames| {
            frames.retain(|frame| *frame != Frame::default());
            frames
        });
        assert_eq!(split, Ok(said), "joined messages are others after splitting");
    }
}

fn same_again(frame: &Frame) {
    let bytes = codec::encode(frame);
    assert_eq!(codec::decode(&bytes).as_ref(), Ok(frame), "a frame is another one after encoding");
}

/// Of a number that was cut to 32 bits with its sign, two bytes come back as one; nothing else gets longer.
fn is_bounded(frames: &[Frame], data: &[u8]) {
    let size: usize = frames.iter().map(|frame| codec::encode(frame).len()).sum();
    assert!(size <= 2 * data.len(), "{size} bytes out of {}", data.len());
    assert!(frames.len() <= data.len().max(1), "{} frames out of {} bytes", frames.len(), data.len());
}
