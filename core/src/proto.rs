//! Protobuf, as much of it as our schemas use: proto3, where what is not known is skipped.
//!
//! What `build.rs` makes of a message is two small functions: where its fields go, and what they hold. All else is
//! here, once. A library that compiles reading, measuring and writing anew for each message is forty kilobytes of the
//! page. That ours reads and writes the same is tested against one.

use bytes::Bytes;
use thiserror::Error;

/// Not protobuf, or a text in it is not UTF-8.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not protobuf, or a text in it is not UTF-8")]
pub struct Malformed;

/// A message of a schema.
pub trait Message {
    /// Where the field of a number goes; `None` for one that is not known.
    fn slot(&mut self, number: u32) -> Option<Slot<'_>>;

    /// Writes the fields in the order of their numbers, but for those that have their default.
    fn write(&self, to: &mut Writer);
}

/// Many messages of one kind.
pub trait Messages {
    /// One more.
    fn add(&mut self) -> &mut dyn Message;
}

impl<M: Message + Default> Messages for Vec<M> {
    fn add(&mut self) -> &mut dyn Message {
        self.push_mut(M::default())
    }
}

/// Where a field goes.
#[allow(missing_debug_implementations, reason = "lives for one field")]
pub enum Slot<'a> {
    /// `bool`.
    Bool(&'a mut bool),
    /// `uint32`.
    U32(&'a mut u32),
    /// An enum.
    I32(&'a mut i32),
    /// `uint64`.
    U64(&'a mut u64),
    /// `int64`.
    I64(&'a mut i64),
    /// `repeated uint64`.
    Numbers(&'a mut Vec<u64>),
    /// `string`.
    Text(&'a mut String),
    /// `repeated string`.
    Texts(&'a mut Vec<String>),
    /// `bytes`.
    Data(&'a mut Vec<u8>),
    /// `repeated bytes`.
    Datas(&'a mut Vec<Bytes>),
    /// A message.
    One(&'a mut dyn Message),
    /// `repeated` of a message.
    Many(&'a mut dyn Messages),
}

/// How deep groups, which no schema has today, may be nested in what is skipped.
const DEPTH: u32 = 100;

/// How a field is written: the lower three bits of its key.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// Reads a message. Allocates no more than a small multiple of the bytes given.
///
/// # Errors
/// [`Malformed`].
pub fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    let mut message = M::default();
    merge(&mut message, bytes).ok_or(Malformed)?;
    Ok(message)
}

/// Writes a message.
#[must_use]
pub fn encode(message: &dyn Message) -> Bytes {
    let mut to = Writer(Vec::with_capacity(64));
    message.write(&mut to);
    // What is kept of the room, and what waits in a queue, has no more room than it needs.
    to.0.into_boxed_slice().into()
}

/// Reads what is there into a message, as deep as schemas nest.
fn merge(message: &mut dyn Message, mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        let (number, kind) = key(&mut bytes)?;
        match message.slot(number) {
            Some(slot) => fill(slot, kind, &mut bytes)?,
            None => skip(number, kind, &mut bytes, DEPTH)?,
        }
    }
    Some(())
}

fn fill(slot: Slot<'_>, kind: u8, bytes: &mut &[u8]) -> Option<()> {
    if kind == LENGTH {
        let len = usize::try_from(varint(bytes)?).ok()?;
        let mut data = bytes.split_off(..len)?;
        match slot {
            Slot::Text(text) => *text = str::from_utf8(data).ok()?.into(),
            Slot::Texts(texts) => texts.push(str::from_utf8(data).ok()?.into()),
            Slot::Data(all) => *all = data.into(),
            Slot::Datas(datas) => datas.push(Bytes::copy_from_slice(data)),
            Slot::One(message) => merge(message, data)?,
            Slot::Many(messages) => merge(messages.add(), data)?,
            Slot::Numbers(numbers) => {
                while !data.is_empty() {
                    numbers.push(varint(&mut data)?);
                }
            }
            _ => return None,
        }
    } else if kind == VARINT {
        let number = varint(bytes)?;
        match slot {
            Slot::Bool(flag) => *flag = number != 0,
            // What is too large loses its upper bits, as protobuf has it.
            Slot::U32(n) => *n = number as u32,
            Slot::I32(n) => *n = number as i32,
            Slot::U64(n) => *n = number,
            Slot::I64(n) => *n = number as i64,
            Slot::Numbers(numbers) => numbers.push(number),
            _ => return None,
        }
    } else {
        return None;
    }
    Some(())
}

/// The number of a field and how it is written. There is no number 0, and none above 29 bits.
pub(crate) fn key(bytes: &mut &[u8]) -> Option<(u32, u8)> {
    let key = u32::try_from(varint(bytes)?).ok()?;
    (key >= 8).then_some((key >> 3, (key & 7) as u8))
}

/// A number of at most 64 bits in groups of seven, the lowest first.
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return (shift < 63 || byte < 2).then_some(value);
        }
    }
    None
}

/// Passes over what a field holds.
pub(crate) fn skip(number: u32, kind: u8, bytes: &mut &[u8], depth: u32) -> Option<()> {
    let len = match kind {
        VARINT => return varint(bytes).map(drop),
        FIXED64 => 8,
        LENGTH => usize::try_from(varint(bytes)?).ok()?,
        FIXED32 => 4,
        GROUP => loop {
            let depth = depth.checked_sub(1)?;
            let (inner, kind) = key(bytes)?;
            if kind == GROUP_END {
                return (inner == number).then_some(());
            }
            skip(inner, kind, bytes, depth)?;
        },
        _ => return None,
    };
    bytes.split_off(..len).map(drop)
}

/// Where fields are written to.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, number: u32, kind: u8) {
        self.varint((number << 3 | u32::from(kind)).into());
    }

    /// A number, or with its sign as far as 64 bits, an enum's value or a `bool`.
    pub fn number(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.chosen_number(number, value);
        }
    }

    /// The same of a `oneof`: written also when it is 0.
    pub fn chosen_number(&mut self, number: u32, value: u64) {
        self.key(number, VARINT);
        self.varint(value);
    }

    /// `repeated uint64`.
    pub fn numbers(&mut self, number: u32, values: &[u64]) {
        if !values.is_empty() {
            let at = self.begin(number);
            values.iter().for_each(|value| self.varint(*value));
            self.end(at);
        }
    }

    /// A text, or bytes.
    pub fn data(&mut self, number: u32, data: &[u8]) {
        if !data.is_empty() {
            self.one_of_data(number, data);
        }
    }

    /// `repeated string`.
    pub fn texts(&mut self, number: u32, texts: &[String]) {
        texts.iter().for_each(|text| self.one_of_data(number, text.as_bytes()));
    }

    /// `repeated bytes`.
    pub fn datas(&mut self, number: u32, datas: &[Bytes]) {
        datas.iter().for_each(|data| self.one_of_data(number, data));
    }

    fn one_of_data(&mut self, number: u32, data: &[u8]) {
        self.key(number, LENGTH);
        self.varint(data.len() as u64);
        self.0.extend_from_slice(data);
    }

    /// A message.
    pub fn message(&mut self, number: u32, message: &dyn Message) {
        let at = self.begin(number);
        message.write(self);
        self.end(at);
    }

    /// A message, if there is one.
    pub fn maybe<M: Message>(&mut self, number: u32, message: Option<&M>) {
        if let Some(message) = message {
            self.message(number, message);
        }
    }

    /// `repeated` of a message.
    pub fn messages<M: Message>(&mut self, number: u32, messages: &[M]) {
        messages.iter().for_each(|message| self.message(number, message));
    }

    fn begin(&mut self, number: u32) -> usize {
        self.key(number, LENGTH);
        self.0.len()
    }

    /// Puts the length in front of what was written since. That moves by a byte or two, which is less work than to
    /// measure everything first.
    fn end(&mut self, mut at: usize) {
        let mut length = self.0.len() - at;
        while length >= 0x80 {
            self.0.insert(at, length as u8 | 0x80);
            length >>= 7;
            at += 1;
        }
        self.0.insert(at, length as u8);
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
