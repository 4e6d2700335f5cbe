//! Bytes of a client: valid and invalid frames.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parlour_core::{codec, model::MessageId};

/// The FIN bit of the first byte.
pub const FIN: u8 = 0x80;
/// Opcodes.
pub const CONTINUE: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The form in which a length is written.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Seven,
    Sixteen,
    SixtyFour,
}

/// A masked frame with its length in the shortest form.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let form = match payload.len() {
        0..=125 => Form::Seven,
        126..=0xFFFF => Form::Sixteen,
        _ => Form::SixtyFour,
    };
    frame_as(first, form, payload)
}

/// A masked frame with its length in this form.
pub fn frame_as(first: u8, form: Form, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, form, payload.len() as u64);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// The header of a masked frame, without payload.
pub fn header(first: u8, form: Form, len: u64) -> Vec<u8> {
    let mut out = vec![first];
    match form {
        Form::Seven => out.push(0x80 | len as u8),
        Form::Sixteen => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        Form::SixtyFour => {
            out.push(0x80 | 127);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend(MASK);
    out
}

/// A frame without a mask.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, payload.len() as u8];
    out.extend(payload);
    out
}

/// A Close with a code and a reason.
pub fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// The payload of a message with a unique id.
pub fn talk(text: &str) -> Vec<u8> {
    static SAID: AtomicU64 = AtomicU64::new(1);
    let id = MessageId::new(SAID.fetch_add(1, Relaxed), [0; 10]);
    codec::encode(&codec::message("", Some(id), text)).into()
}

/// Encodes a message as [`talk`] does, padded to this size with an unknown field.
pub fn talk_of(len: usize, text: &str) -> Vec<u8> {
    let mut out = talk(text);
    // Field 100, bytes, with a length in three bytes.
    let more = len - out.len() - 5;
    out.extend([0xA2, 0x06, 0x80 | (more & 0x7F) as u8, 0x80 | (more >> 7 & 0x7F) as u8, (more >> 14) as u8]);
    out.resize(len, 0);
    out
}

/// A fragmented message: its first byte without [`FIN`], and the payload lengths; the rest is in the last
/// fragment.
pub fn fragments(first: u8, message: &[u8], lens: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = message;
    let mut opcode = first;
    for &len in lens {
        let (payload, after) = rest.split_at(len);
        out.extend(frame(opcode, payload));
        (rest, opcode) = (after, CONTINUE);
    }
    out.extend(frame(FIN | opcode, rest));
    out
}
