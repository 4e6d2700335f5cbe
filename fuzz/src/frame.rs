//! Target `frame`: one WebSocket message from an untrusted peer.

use bytes::Bytes;
use parlour_core::{
    codec::{self, BATCH_FRAMES, Envelope},
    request::{self, Extension, Request},
};

/// Decodes a message in all four ways. Decoded frames must survive another round of encoding and decoding unchanged,
/// and must not be much larger than the input. What the server accepts must be a part of it, and no larger.
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
        assert_accepted(&frames, &batch);
        assert_splits(frames);
    }
    if let Ok(requests) = request::decode(data) {
        assert!((1..=BATCH_FRAMES).contains(&requests.len()), "{} requests", requests.len());
        let size: usize = requests.iter().map(size).sum();
        assert!(size <= data.len(), "{size} bytes accepted from {}", data.len());
    }
    let _ = request::decode_login(data);
    if let Ok(frames) = codec::decode_basic(data) {
        assert_bounded(&frames, data);
        assert_splits(frames);
    }
}

/// Joins the frames, followed by one more, as a basic server does; splitting must return the same frames.
fn assert_splits(mut frames: Vec<Envelope>) {
    frames.push(codec::message("tom", None, "hi"));
    // A frame with only default values encodes to zero bytes, so it is invisible between two others.
    frames.retain(|frame| *frame != Envelope::default());
    let parts: Vec<Bytes> = frames.iter().map(codec::encode).collect();
    let split = codec::decode_basic(&parts.join(&b'\n'));
    assert_eq!(split, Ok(frames), "frames changed by joining and splitting");
}

/// The server accepts the same fields from these frames, which are encoded in `batch`.
fn assert_accepted(frames: &[Envelope], batch: &[u8]) {
    let requests = request::decode(batch).unwrap_or_else(|error| panic!("not accepted: {error}"));
    assert_eq!(requests.len(), frames.len().max(1), "requests in a batch");
    for (request, frame) in requests.iter().zip(frames) {
        let Request { user_name, r#type, content, room, id, extension } = request;
        let accepted = (user_name, r#type, content, room, id, request.kind(), extension.is_some());
        let Envelope { user_name, r#type, content, room, id, extension, .. } = frame;
        let sent = (user_name, r#type, content, room, id, codec::kind(frame), extension.is_some());
        assert_eq!(accepted, sent, "a request differs from its frame");
    }
}

/// The bytes that a request holds.
fn size(request: &Request) -> usize {
    let Request { user_name, r#type, content, room, id, extension } = request;
    let of_extension = match extension {
        Some(Extension::Login(bytes) | Extension::Batch(bytes)) => bytes.len(),
        _ => 0,
    };
    user_name.len() + r#type.len() + content.len() + room.len() + id.len() + of_extension
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
