//! Decoding input that our encoder never writes: deep nesting, repeated fields, fields of a later schema version.

use bytes::Bytes;
use parlour_core::{
    codec::{self, DecodeError, Envelope, Extension},
    wire,
};

/// Field 127, which no message has, as the start and the end of a group (wire types 3 and 4).
const GROUP_START: [u8; 2] = [0xFB, 0x07];
const GROUP_END: [u8; 2] = [0xFC, 0x07];

/// Groups nested `depth` levels deep in an unknown field.
fn nested_groups(depth: usize) -> Vec<u8> {
    [GROUP_START.repeat(depth), GROUP_END.repeat(depth)].concat()
}

/// A length-delimited field.
fn field(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = tag.to_vec();
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    [bytes, content.to_vec()].concat()
}

fn is_malformed(result: Result<Envelope, DecodeError>) -> bool {
    matches!(result, Err(DecodeError::Malformed(_)))
}

#[test]
fn deep_nesting_is_refused_without_overflowing_the_stack() {
    assert_eq!(codec::decode(&nested_groups(1)), Ok(Envelope::default()));
    assert_eq!(codec::decode(&nested_groups(99)), Ok(Envelope::default()));
    for depth in [101, 1_000, 1_000_000] {
        assert!(is_malformed(codec::decode(&nested_groups(depth))), "{depth} levels");
        assert!(codec::decode_rich(&nested_groups(depth)).is_err(), "{depth} levels");
        assert!(codec::decode_basic(&nested_groups(depth)).is_err(), "{depth} levels");
        assert!(is_malformed(codec::decode(&GROUP_START.repeat(depth))), "{depth} levels, never closed");
    }
    assert!(is_malformed(codec::decode(&GROUP_START)), "a group that is never closed");
}

#[test]
fn the_nesting_limit_counts_known_messages_too() {
    // Field 17 is a Welcome and its field 5 the Limits: two levels, then the unknown groups.
    let frame = |depth| field(&[0x8A, 0x01], &field(&[0x2A], &nested_groups(depth)));
    assert!(codec::decode(&frame(97)).is_ok());
    assert!(is_malformed(codec::decode(&frame(99))));
    assert!(is_malformed(codec::decode(&frame(1_000_000))));
}

#[test]
fn batches_nested_a_thousand_levels_deep_are_refused() {
    let mut bytes = codec::encode(&codec::message("tom", None, "x"));
    for _ in 0..1_000 {
        bytes = codec::encode(&codec::extension(Extension::Batch(wire::Batch { frames: vec![bytes] })));
    }
    assert_eq!(codec::decode_rich(&bytes), Err(DecodeError::BadBatch));
}

#[test]
fn default_values_are_not_encoded_except_in_a_oneof() {
    assert_eq!(codec::encode(&Envelope::default()), Bytes::new());
    let ping = codec::extension(Extension::Ping(wire::Ping { nonce: 0 }));
    assert_eq!(codec::encode(&ping)[..], [0xB2, 0x01, 0], "an empty payload still identifies the extension");
    let start = Some(wire::page_request::Start::Before(0));
    let page = wire::PageRequest { start, ..wire::PageRequest::default() };
    let operation = Some(wire::client_command::Operation::Page(page));
    let command = wire::ClientCommand { operation, ..wire::ClientCommand::default() };
    assert_eq!(
        codec::encode(&codec::extension(Extension::Command(command)))[..],
        [0xCA, 0x02, 4, 0x32, 2, 0x08, 0],
        "a 0 that is set differs from an unset oneof"
    );
}

#[test]
fn explicit_default_values_decode_like_absent_ones() {
    let explicit = [field(&[0x0A], b""), vec![0x38, 0], field(&[0x32], b"")].concat();
    assert_eq!(codec::decode(&explicit), Ok(Envelope::default()));
}

#[test]
fn a_repeated_payload_is_merged_and_another_one_replaces_it() {
    let welcome = |capabilities: usize, version| {
        let capabilities = vec!["batch".into(); capabilities];
        Extension::Welcome(wire::Welcome { capabilities, version, ..wire::Welcome::default() })
    };
    let encode = |extension| codec::encode(&codec::extension(extension)).to_vec();
    let twice = [encode(welcome(1, 5)), encode(welcome(2, 0))].concat();
    assert_eq!(codec::decode(&twice), Ok(codec::extension(welcome(3, 5))));
    let ping = Extension::Ping(wire::Ping { nonce: 7 });
    let replaced = [encode(welcome(1, 5)), encode(ping.clone())].concat();
    assert_eq!(codec::decode(&replaced), Ok(codec::extension(ping)));
}

#[test]
fn the_user_list_is_encoded_in_order_of_name() {
    let frame = |names: [&str; 3]| Envelope { user_list: codec::user_list(names), ..Envelope::default() };
    assert_eq!(codec::encode(&frame(["b", "a", "c"])), codec::encode(&frame(["c", "b", "a"])));
}

#[cfg(not(target_arch = "wasm32"))]
mod arbitrary {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Bytes that are often valid protobuf: fields of every wire type, complete or truncated, inside one another.
    fn fields() -> impl Strategy<Value = Vec<u8>> {
        let number = prop_oneof![0u64..20, any::<u64>(), (0u32..64).prop_map(|shift| 1 << shift)];
        let leaf = prop_oneof![vec(any::<u8>(), 0..12), "[a-z李]{0,5}".prop_map(String::into_bytes)];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let field = (prop_oneof![0u32..48, any::<u32>()], 0u8..8, number.clone(), inner, 0usize..20);
            vec(field, 0..6).prop_map(|fields| fields.into_iter().flat_map(encode_field).collect())
        })
    }

    /// One length-delimited field in twenty lacks its last byte.
    fn encode_field((number, wire_type, value, data, cut): (u32, u8, u64, Vec<u8>, usize)) -> Vec<u8> {
        let key = |wire_type: u8| varint(u64::from(number) << 3 | u64::from(wire_type));
        match wire_type {
            0 => [key(0), varint(value)].concat(),
            1 => [key(1), vec![7; 8]].concat(),
            3 => [key(3), data, key(4)].concat(),
            4 => key(4),
            5 => [key(5), vec![7; 4]].concat(),
            _ => {
                let mut bytes = field(&key(2), &data);
                bytes.truncate(bytes.len() - usize::from(cut == 0 && !data.is_empty()));
                bytes
            }
        }
    }

    fn varint(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        prost::encoding::encode_varint(value, &mut bytes);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Unknown fields are dropped by the first decoding; after that nothing changes.
        #[test]
        fn decoded_envelopes_are_the_same_after_encoding_and_decoding(bytes in fields(), number in 1u64..42) {
            for bytes in [field(&varint(number << 3 | 2), &bytes), bytes] {
                if let Ok(envelope) = codec::decode(&bytes) {
                    prop_assert_eq!(codec::decode(&codec::encode(&envelope)), Ok(envelope));
                }
            }
        }
    }
}
