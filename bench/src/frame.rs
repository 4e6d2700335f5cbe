//! WebSocket frames of a client (RFC 6455, 5.2): masked when sent. Of received frames only the header is parsed.

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The header of a frame from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub opcode: u8,
    /// Size of the header in bytes.
    pub bytes: usize,
    /// Size of the payload in bytes.
    pub len: usize,
}

/// Parses a header. Returns `None` if it is incomplete.
pub fn head(bytes: &[u8]) -> Option<Head> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (bytes, len) = match second & 0x7F {
        126 => (4, u16::from_be_bytes(*rest.first_chunk()?).into()),
        127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap_or(usize::MAX)),
        short => (2, short.into()),
    };
    Some(Head { opcode: first & 0x0F, bytes, len })
}

/// Appends a whole frame. The mask need not be unpredictable here, but it is required, and unmasking is a server's work.
pub fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: u32) {
    out.push(0x80 | opcode);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_matches_the_example_of_rfc_6455() {
        let mut out = Vec::new();
        put(&mut out, TEXT, b"Hello", 0x37FA_213D);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
    }

    #[test]
    fn all_three_length_encodings_round_trip() {
        for (len, bytes) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = Vec::new();
            put(&mut out, BINARY, &vec![7; len], 0);
            assert_eq!(out.len(), bytes + 4 + len);
            // The header of a server's frame is the same without the mask bit.
            let read = head(&out);
            assert_eq!(read, Some(Head { opcode: BINARY, bytes, len }), "{len}");
            assert_eq!(head(&out[..bytes - 1]), None, "{len}");
        }
    }
}
