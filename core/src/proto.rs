//! Protobuf by prost, with the code of a message there once.
//!
//! What `build.rs` makes of a message is two small functions: where its fields go, and what they hold. Here prost's
//! functions read and write these. What prost itself derives reads, measures and writes anew for each message, which is
//! thirty kilobytes of the page; a test compares with it.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError,
    encoding::{self, DecodeContext, WireType},
};

/// A message of a schema.
pub trait Fields {
    /// Where the field of a number goes; `None` for one that is not known.
    fn slot(&mut self, number: u32) -> Option<Slot<'_>>;

    /// Writes the fields in the order of their numbers, but for those that have their default.
    fn write(&self, to: &mut Writer);
}

/// Many messages of one kind.
pub trait Messages {
    /// One more.
    fn add(&mut self) -> &mut dyn Fields;
}

impl<M: Fields + Default> Messages for Vec<M> {
    fn add(&mut self) -> &mut dyn Fields {
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
    One(&'a mut dyn Fields),
    /// `repeated` of a message.
    Many(&'a mut dyn Messages),
}

/// Reads a message. Allocates no more than a small multiple of the bytes given.
///
/// # Errors
/// When it is not protobuf, or a text in it is not UTF-8.
pub fn decode<M: Fields + Default>(mut bytes: &[u8]) -> Result<M, DecodeError> {
    let mut message = M::default();
    while !bytes.is_empty() {
        field(&mut message, &mut bytes, DecodeContext::default())?;
    }
    Ok(message)
}

/// Writes a message.
#[must_use]
pub fn encode(message: &dyn Fields) -> Bytes {
    let mut to = Writer(Vec::with_capacity(64));
    message.write(&mut to);
    // What is kept of the room, and what waits in a queue, has no more room than it needs.
    to.0.into_boxed_slice().into()
}

/// Reads the next field into a message.
fn field(message: &mut dyn Fields, bytes: &mut impl Buf, ctx: DecodeContext) -> Result<(), DecodeError> {
    let (number, kind) = encoding::decode_key(bytes)?;
    merge(message, number, kind, bytes, ctx)
}

/// Reads what a field holds into a message.
pub(crate) fn merge(
    message: &mut dyn Fields,
    number: u32,
    kind: WireType,
    bytes: &mut impl Buf,
    ctx: DecodeContext,
) -> Result<(), DecodeError> {
    let Some(slot) = message.slot(number) else { return encoding::skip_field(kind, number, bytes, ctx) };
    match slot {
        Slot::Bool(flag) => encoding::bool::merge(kind, flag, bytes, ctx),
        Slot::U32(n) => encoding::uint32::merge(kind, n, bytes, ctx),
        Slot::I32(n) => encoding::int32::merge(kind, n, bytes, ctx),
        Slot::U64(n) => encoding::uint64::merge(kind, n, bytes, ctx),
        Slot::I64(n) => encoding::int64::merge(kind, n, bytes, ctx),
        Slot::Numbers(numbers) => encoding::uint64::merge_repeated(kind, numbers, bytes, ctx),
        Slot::Text(text) => encoding::string::merge(kind, text, bytes, ctx),
        Slot::Texts(texts) => encoding::string::merge_repeated(kind, texts, bytes, ctx),
        Slot::Data(data) => encoding::bytes::merge(kind, data, bytes, ctx),
        Slot::Datas(datas) => encoding::bytes::merge_repeated(kind, datas, bytes, ctx),
        Slot::One(message) => inner(message, kind, bytes, ctx),
        Slot::Many(messages) => {
            encoding::check_wire_type(WireType::LengthDelimited, kind)?;
            inner(messages.add(), kind, bytes, ctx)
        }
    }
}

/// Reads a message inside of another. How deep they can be the schemas say: none has itself in it.
fn inner(
    mut message: &mut dyn Fields,
    kind: WireType,
    bytes: &mut impl Buf,
    ctx: DecodeContext,
) -> Result<(), DecodeError> {
    encoding::check_wire_type(WireType::LengthDelimited, kind)?;
    encoding::merge_loop(&mut message, bytes, ctx, |message, bytes, ctx| field(*message, bytes, ctx))
}

/// Where fields are written to.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    fn key(&mut self, number: u32, kind: WireType) {
        encoding::encode_key(number, kind, &mut self.0);
    }

    fn varint(&mut self, value: u64) {
        encoding::encode_varint(value, &mut self.0);
    }

    /// A number, or with its sign as far as 64 bits, an enum's value or a `bool`.
    pub fn number(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.chosen_number(number, value);
        }
    }

    /// The same of a `oneof`: written also when it is 0.
    pub fn chosen_number(&mut self, number: u32, value: u64) {
        self.key(number, WireType::Varint);
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
        self.key(number, WireType::LengthDelimited);
        self.varint(data.len() as u64);
        self.0.put_slice(data);
    }

    /// A message.
    pub fn message(&mut self, number: u32, message: &dyn Fields) {
        let at = self.begin(number);
        message.write(self);
        self.end(at);
    }

    /// A message, if there is one.
    pub fn maybe<M: Fields>(&mut self, number: u32, message: Option<&M>) {
        if let Some(message) = message {
            self.message(number, message);
        }
    }

    /// `repeated` of a message.
    pub fn messages<M: Fields>(&mut self, number: u32, messages: &[M]) {
        messages.iter().for_each(|message| self.message(number, message));
    }

    fn begin(&mut self, number: u32) -> usize {
        self.key(number, WireType::LengthDelimited);
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

/// Makes a message one of prost's, for all that takes such.
macro_rules! prost_message {
    ($name:ty) => {
        impl prost::Message for $name {
            fn encode_raw(&self, to: &mut impl bytes::BufMut) {
                to.put_slice(&$crate::proto::encode(self));
            }

            fn merge_field(
                &mut self,
                number: u32,
                kind: prost::encoding::WireType,
                bytes: &mut impl bytes::Buf,
                ctx: prost::encoding::DecodeContext,
            ) -> Result<(), prost::DecodeError> {
                $crate::proto::merge(self, number, kind, bytes, ctx)
            }

            fn encoded_len(&self) -> usize {
                $crate::proto::encode(self).len()
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}
pub(crate) use prost_message;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
