//! The basic dialect, implemented independently of the code under test: envelopes with four fields.

use std::collections::BTreeMap;

/// An envelope of the basic dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Field 1.
    pub user_name: String,
    /// Field 2.
    pub kind: String,
    /// Field 3.
    pub content: String,
    /// Field 4: maps each name to itself.
    pub user_list: BTreeMap<String, String>,
    /// All other fields as received. They are sent on when an envelope is forwarded.
    pub unknown: Vec<u8>,
}

impl Envelope {
    /// An envelope without a user list.
    #[must_use]
    pub fn new(user_name: &str, kind: &str, content: &str) -> Self {
        Self { user_name: user_name.into(), kind: kind.into(), content: content.into(), ..Self::default() }
    }

    /// The same envelope with a user list.
    #[must_use]
    pub fn with_list<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.user_list = names.into_iter().map(|name| (name.to_owned(), name.to_owned())).collect();
        self
    }

    /// Encodes the envelope: fields in order of their numbers, default values omitted, unknown fields last.
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

    /// Decodes an envelope. Returns `None` if it is invalid.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut envelope = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = rest;
            let (number, value) = take_field(&mut rest)?;
            match (number, value.bytes()) {
                (1, Some(value)) => envelope.user_name = text(value)?,
                (2, Some(value)) => envelope.kind = text(value)?,
                (3, Some(value)) => envelope.content = text(value)?,
                (4, Some(mut entry)) => {
                    let (mut key, mut name) = (String::new(), String::new());
                    while !entry.is_empty() {
                        match take_field(&mut entry)? {
                            (1, Value::Bytes(value)) => key = text(value)?,
                            (2, Value::Bytes(value)) => name = text(value)?,
                            _ => {}
                        }
                    }
                    envelope.user_list.insert(key, name);
                }
                _ => envelope.unknown.extend_from_slice(&before[..before.len() - rest.len()]),
            }
        }
        Some(envelope)
    }
}

/// Appends a length-delimited field: a string or a message.
pub fn field(out: &mut Vec<u8>, number: u64, value: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a varint field.
pub fn number_field(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A varint.
    Number(u64),
    /// A string or a message.
    Bytes(&'a [u8]),
    /// A fixed-length value, which this protocol does not use.
    Fixed,
}

impl<'a> Value<'a> {
    /// The bytes of a string or message.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// The fields of a message, up to the first invalid one.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || take_field(&mut message))
}

/// Reads a field from the front: its number and value.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = take_varint(rest)?;
    let len = match tag & 7 {
        0 => return Some((tag >> 3, Value::Number(take_varint(rest)?))),
        1 => 8,
        2 => usize::try_from(take_varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (value, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some((tag >> 3, if tag & 7 == 2 { Value::Bytes(value) } else { Value::Fixed }))
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
    fn envelope_encoding_matches_protobuf() {
        let talk = Envelope::new("tom", "talk", "hi");
        assert_eq!(talk.encode(), b"\x0a\x03tom\x12\x04talk\x1a\x02hi");
        let exit = Envelope::new("李丽", "", "exit").with_list(["tom"]);
        assert_eq!(
            exit.encode(),
            b"\x0a\x06\xe6\x9d\x8e\xe4\xb8\xbd\x1a\x04exit\x22\x0a\x0a\x03tom\x12\x03tom"
        );
        let long = Envelope::new("", "", &"x".repeat(300)).encode();
        assert_eq!(long[..4], *b"\x1a\xac\x02x");
        assert_eq!(long.len(), 303);
        for envelope in [talk, exit, Envelope::default()] {
            assert_eq!(Envelope::decode(&envelope.encode()), Some(envelope));
        }
    }

    #[test]
    fn unknown_fields_survive_and_invalid_bytes_are_rejected() {
        let bytes = b"\x0a\x03tom\x38\x96\x01\x82\x01\x02\x08\x01\x1a\x02hi";
        let envelope = Envelope::decode(bytes).unwrap();
        assert_eq!((&*envelope.user_name, &*envelope.content), ("tom", "hi"));
        assert_eq!(envelope.unknown, b"\x38\x96\x01\x82\x01\x02\x08\x01");
        assert_eq!(envelope.encode(), b"\x0a\x03tom\x1a\x02hi\x38\x96\x01\x82\x01\x02\x08\x01");
        for bytes in [&b"\x0a\x09tom"[..], b"\x0b", b"\x0a\x01\xff", b"\xff\xff"] {
            assert_eq!(Envelope::decode(bytes), None, "{bytes:?}");
        }
    }
}
