//! WebSocket frames that the server sends. Never masked, never fragmented.

use bytes::{BufMut as _, Bytes, BytesMut};
use soketto::base::{Codec, Header, OpCode};

/// The longest payload of a control frame, in bytes (RFC 6455, 5.5).
pub const CONTROL_BYTES: usize = 125;

/// One Binary frame with `payload`.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    put(&mut out, OpCode::Binary, payload);
    out.freeze()
}

/// One Binary frame for each of `payloads`, in one buffer.
#[must_use]
pub fn binaries(payloads: &[Bytes]) -> Bytes {
    let mut out = BytesMut::with_capacity(payloads.iter().map(|p| p.len() + 10).sum());
    for payload in payloads {
        put(&mut out, OpCode::Binary, payload);
    }
    out.freeze()
}

/// An empty Ping.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[0x89, 0])
}

/// The Pong to a Ping with this payload, of at most [`CONTROL_BYTES`].
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    control(OpCode::Pong, payload)
}

/// Returns `true` if a buffer made by this module is a Pong.
#[must_use]
pub fn is_pong(frames: &[u8]) -> bool {
    frames.first() == Some(&0x8A)
}

/// A Close with a code and a reason, which is truncated at a character boundary to fit. Without a code, an
/// empty Close, which the peer reports as 1005.
#[must_use]
pub fn close(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else { return control(OpCode::Close, &[]) };
    let mut end = reason.len().min(CONTROL_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(2 + end);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..end]);
    control(OpCode::Close, &payload)
}

fn control(opcode: OpCode, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(CONTROL_BYTES)];
    let mut out = BytesMut::with_capacity(payload.len() + 2);
    put(&mut out, opcode, payload);
    out.freeze()
}

fn put(out: &mut BytesMut, opcode: OpCode, payload: &[u8]) {
    let mut header = Header::new(opcode);
    header.set_payload_len(payload.len());
    out.put_slice(Codec::new().encode_header(&header));
    out.put_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_use_the_shortest_form() {
        assert_eq!(&binary(&[7])[..], [0x82, 1, 7]);
        assert_eq!(&binary(&[0; 126])[..4], [0x82, 126, 0, 126]);
        assert_eq!(&binary(&vec![0; 65536])[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(
            &binaries(&[Bytes::from_static(b"a"), Bytes::from_static(b"b")])[..],
            [0x82, 1, b'a', 0x82, 1, b'b']
        );
    }

    #[test]
    fn close_reason_is_truncated_to_a_control_frame() {
        assert_eq!(&close(None, "x")[..], [0x88, 0]);
        assert_eq!(&close(Some(4004), "no")[..], [0x88, 4, 0x0F, 0xA4, b'n', b'o']);
        let long = close(Some(1000), &"é".repeat(100));
        assert_eq!(long.len(), 2 + 124, "123 is in the middle of a character");
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
