//! Against a library of many users: what it reads we read, what it refuses we refuse, and we write the same bytes.

use proptest::{collection::vec, prelude::*};
use prost::Message as Theirs;

use super::*;
use crate::{device, wire};

#[allow(clippy::all, missing_debug_implementations)]
mod oracle {
    include!(concat!(env!("OUT_DIR"), "/oracle/parlour.rs"));
    pub mod device {
        include!(concat!(env!("OUT_DIR"), "/oracle/parlour.device.rs"));
    }
}

/// How a field is written: the lower three bits of its key.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// Bytes that are often protobuf: fields of all kinds, whole or cut short, within one another.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0u64..20, any::<u64>(), (0u32..64).prop_map(|shift| 1 << shift)];
    let leaf = prop_oneof![vec(any::<u8>(), 0..12), "[a-z李]{0,5}".prop_map(String::into_bytes)];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let field = (prop_oneof![0u32..48, any::<u32>()], 0u8..8, number.clone(), inner, 0usize..20);
        vec(field, 0..6).prop_map(|fields| fields.into_iter().flat_map(field_bytes).collect())
    })
}

/// Most are what their key says; one in twenty lacks its end.
fn field_bytes((number, kind, value, data, cut): (u32, u8, u64, Vec<u8>, usize)) -> Vec<u8> {
    let data = match kind {
        VARINT => return [key_bytes(number, kind), varint_bytes(value)].concat(),
        FIXED64 => vec![7; 8],
        FIXED32 => vec![7; 4],
        GROUP => [data, key_bytes(number, GROUP_END)].concat(),
        LENGTH | 6.. => {
            let len = data.len() - usize::from(cut == 0 && !data.is_empty());
            let (key, whole) = (key_bytes(number, LENGTH), varint_bytes(data.len() as u64));
            return [key, whole, data[..len].into()].concat();
        }
        GROUP_END => Vec::new(),
    };
    [key_bytes(number, kind), data].concat()
}

fn key_bytes(number: u32, kind: u8) -> Vec<u8> {
    varint_bytes(u64::from(number) << 3 | u64::from(kind))
}

fn varint_bytes(value: u64) -> Vec<u8> {
    let mut to = Writer(Vec::new());
    to.varint(value);
    to.0
}

/// Both read the same, or neither can.
fn same<O: Fields + Theirs + Default, T: Theirs + Default>(bytes: &[u8]) {
    let ours = decode::<O>(bytes).map(|message| encode(&message).to_vec());
    // As one of prost's messages it is the same.
    assert_eq!(O::decode(bytes).ok().map(|message| message.encode_to_vec()), ours.clone().ok());
    let theirs = T::decode(bytes).map(|message| message.encode_to_vec());
    assert_eq!(ours.ok(), theirs.ok(), "{bytes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn frames_are_read_and_written_as_the_oracle_does(bytes in bytes()) {
        same::<wire::ChatRequest, oracle::ChatRequest>(&bytes);
    }

    #[test]
    fn so_is_every_extension(bytes in bytes(), number in 12u32..42) {
        let mut to = Writer(Vec::new());
        to.one_of_data(number, &bytes);
        same::<wire::ChatRequest, oracle::ChatRequest>(&to.0);
        // One that comes twice is put together, and another takes the place of the first.
        same::<wire::ChatRequest, oracle::ChatRequest>(&[to.0.clone(), to.0].concat());
    }

    #[test]
    fn so_is_what_a_device_keeps_and_what_its_pages_tell(bytes in bytes()) {
        same::<device::Account, oracle::device::Account>(&bytes);
        same::<device::Entry, oracle::device::Entry>(&bytes);
        same::<device::Letter, oracle::device::Letter>(&bytes);
        same::<device::Told, oracle::device::Told>(&bytes);
    }
}

#[test]
fn groups_are_passed_over_and_not_without_end() {
    let nested = |depth: usize| [vec![0xFB, 0x07]; 1].concat().repeat(depth);
    let closed = |depth: usize| [nested(depth), [0xFC, 0x07].repeat(depth)].concat();
    same::<wire::ChatRequest, oracle::ChatRequest>(&closed(1));
    same::<wire::ChatRequest, oracle::ChatRequest>(&closed(99));
    assert!(decode::<wire::ChatRequest>(&closed(100_000)).is_err());
    assert!(decode::<wire::ChatRequest>(&nested(1)).is_err());
}
