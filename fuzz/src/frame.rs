//! Target `frame`: one WebSocket message from an untrusted peer.

use bytes::Bytes;
use parlour_core::codec::{self, BATCH_FRAMES, Envelope};

/// Decodes a message in all three ways. Decoded frames must survive another round of encoding and decoding unchanged,
/// and must not be much larger than the input.
///
/// # Panics
/// If one of these properties does not hold.
pub fn frame(data: &[u8]) {
    if let Ok(frame) = codec::decode(data) {
        assert_round_trips(&frame);
        assert_bounded(&[frame], data);
    }
    if let Ok(frames) = codec::decode_rich(data) {
        assert!(frames.len() <= BATCH_FRAMES, "a batch of {} frames", frames.len());
        let batch = codec::batch(frames.iter().map(codec::encode).collect());
        assert_eq!(codec::decode_rich(&batch).as_ref(), Ok(&frames), "batch changed by encoding");
        assert_bounded(&frames, data);
        assert_splits(frames);
    }
    if let Ok(frames) = codec::decode_basic(data) {
        assert_bounded(&frames, data);
        assert_splits(frames);
    }
}

/// Joins the frames, followed by one more, as a basic server does; splitting must return the same frames.
fn assert_splits(mut frames: Vec<Envelope>) {
    frames.push(codec::message("tom", "", None, "hi"));
    // A frame with only default values encodes to zero bytes, so it is invisible between two others.
    frames.retain(|frame| *frame != Envelope::default());
    let parts: Vec<Bytes> = frames.iter().map(codec::encode).collect();
    let split = codec::decode_basic(&parts.join(&b'\n'));
    assert_eq!(split, Ok(frames), "frames changed by joining and splitting");
}

fn assert_round_trips(frame: &Envelope) {
    let bytes = codec::encode(frame);
    assert_eq!(codec::decode(&bytes).as_ref(), Ok(frame), "frame changed by encoding");
}

/// Encoding may at most double the size: a negative number truncated to 32 bits can grow from one byte to two.
fn assert_bounded(frames: &[Envelope], data: &[u8]) {
    let size: usize = frames.iter().map(|frame| codec::encode(frame).len()).sum();
    assert!(size <= 2 * data.len(), "{size} bytes decoded from {}", data.len());
    assert!(frames.len() <= data.len().max(1), "{} frames decoded from {} bytes", frames.len(), data.len());
}
