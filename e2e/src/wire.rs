//! The basic dialect by hand: four fields, as a program has them that knows nothing of ours.

use std::collections::BTreeMap;

/// A frame of the basic dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Field 1.
    pub user_name: String,
    /// Field 2.
    pub kind: String,
    /// Field 3.
    pub content: String,
    /// Field 4: each name to itself.
    pub user_list: BTreeMap<String, String>,
    /// Fields that the dialect does not have, as they came. Kept when a frame is passed on.
    pub unknown: Vec<u8>,
}

impl Frame {
    /// A frame without a list.
    #[must_use]
    pub fn new(user_name: &str, kind: &str, content: &str) -> Self {
        Self { user_name: user_name.into(), kind: kind.into(), content: content.into(), ..Self::default() }
    }

    /// The same with a list.
    #[must_use]
    pub fn with_list<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.user_list = names.into_iter().map(|name| (name.to_owned(), name.to_owned())).collect();
        self
    }

    /// The bytes: fields in order of number, empty ones left out, unknown ones last.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, text) in [(1, &self.user_name), (2, &self.kind), (3, &self.content)] {
            if !text.is_empty() {
                field(&mut out, number, text.as_bytes());
            }
        }
        for (key, value) in &self.user_list {
            let mut entry = Vec::new();
            field(&mut entry, 1, key.as_bytes());
            field(&mut entry, 2, value.as_bytes());
            field(&mut out, 4, &entry);
        }
        out.extend_from_slice(&self.unknown);
        out
    }

    /// Reads a frame; `None` when it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut frame = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = rest;
            let (number, value) = take_field(&mut rest)?;
            match (number, value) {
                (1, Some(value)) => frame.user_name = text(value)?,
                (2, Some(value)) => frame.kind = text(value)?,
                (3, Some(value)) => frame.content = text(value)?,
                (4, Some(mut entry)) => {
                    let (mut key, mut name) = (String::new(), String::new());
                    while !entry.is_empty() {
                        match take_field(&mut entry)? {
                            (1, Some(value)) => key = text(value)?,
                            (2, Some(value)) => name = text(value)?,
                            _ => {}
                        }
                    }
                    frame.user_list.insert(key, name);
                }
                _ => frame.unknown.extend_from_slice(&before[..before.len() - rest.len()]),
            }
        }
        Some(frame)
    }
}

fn field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    let mut len = value.len();
    while len >= 0x80 {
        out.push(u8::try_from(len & 0x7F).unwrap() | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).unwrap());
    out.extend_from_slice(value);
}

/// Takes a field off the front: its number, and its bytes where it has some.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = take_varint(rest)?;
    let len = match tag & 7 {
        0 => {
            take_varint(rest)?;
            return Some((tag >> 3, None));
        }
        1 => 8,
        2 => usize::try_from(take_varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (value, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some((tag >> 3, (tag & 7 == 2).then_some(value)))
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_bytes_that_every_protobuf_gives_it() {
        let talk = Frame::new("tom", "talk", "hi");
        assert_eq!(talk.encode(), b"\x0a\x03tom\x12\x04talk\x1a\x02hi");
        let exit = Frame::new("李丽", "", "exit").with_list(["tom"]);
        assert_eq!(
            exit.encode(),
            b"\x0a\x06\xe6\x9d\x8e\xe4\xb8\xbd\x1a\x04exit\x22\x0a\x0a\x03tom\x12\x03tom"
        );
        let long = Frame::new("", "", &"x".repeat(300)).encode();
        assert_eq!(long[..4], *b"\x1a\xac\x02x");
        assert_eq!(long.len(), 303);
        for frame in [talk, exit, Frame::default()] {
            assert_eq!(Frame::decode(&frame.encode()), Some(frame));
        }
    }

    #[test]
    fn unknown_fields_are_kept_and_nonsense_is_no_frame() {
        let bytes = b"\x0a\x03tom\x38\x96\x01\x82\x01\x02\x08\x01\x1a\x02hi";
        let frame = Frame::decode(bytes).unwrap();
        assert_eq!((&*frame.user_name, &*frame.content), ("tom", "hi"));
        assert_eq!(frame.unknown, b"\x38\x96\x01\x82\x01\x02\x08\x01");
        assert_eq!(frame.encode(), b"\x0a\x03tom\x1a\x02hi\x38\x96\x01\x82\x01\x02\x08\x01");
        for bytes in [&b"\x0a\x09tom"[..], b"\x0b", b"\x0a\x01\xff", b"\xff\xff"] {
            assert_eq!(Frame::decode(bytes), None, "{bytes:?}");
        }
    }
}
