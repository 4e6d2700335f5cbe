//! The codec with arbitrary input: envelopes survive encoding and decoding, and invalid bytes are an error.

use bytes::Bytes;
use parlour_core::{
    codec::{self, BATCH_FRAMES, DecodeError, Extension},
    model::MessageId,
    wire,
};
#[cfg(not(target_arch = "wasm32"))]
use {
    parlour_core::codec::Envelope,
    proptest::{collection::vec, prelude::*},
};

#[cfg(not(target_arch = "wasm32"))]
fn basic_envelope() -> impl Strategy<Value = Envelope> {
    let name = "[a-z李\n]{1,200}";
    (name, "talk|exit|userlist", ".{0,300}", vec("[a-z]{1,9}", 0..4)).prop_map(
        |(nick, kind, content, list)| Envelope {
            user_name: nick,
            r#type: kind,
            content,
            user_list: codec::user_list(list),
            ..Envelope::default()
        },
    )
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn envelopes_are_the_same_after_encoding_and_decoding(envelope in basic_envelope(), id in any::<[u8; 16]>(), seq: u64, time: i64) {
        let envelope = Envelope { id: id.to_vec(), seq, time, ..envelope };
        prop_assert_eq!(codec::decode(&codec::encode(&envelope)), Ok(envelope));
    }

    /// The original server joins queued messages with a byte 0x0A between them; names, texts and lengths may contain
    /// that byte too.
    #[test]
    fn joined_messages_are_separated(envelopes in vec(basic_envelope(), 1..8)) {
        let joined = envelopes.iter().map(|f| codec::encode(f).to_vec()).collect::<Vec<_>>().join(&b'\n');
        prop_assert_eq!(codec::decode_basic(&joined), Ok(envelopes));
    }

    #[test]
    fn batches_are_the_same_after_encoding_and_decoding(envelopes in vec(basic_envelope(), 0..8)) {
        let batch = codec::batch(envelopes.iter().map(codec::encode).collect());
        prop_assert_eq!(codec::decode_rich(&batch), Ok(envelopes));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = codec::decode(&bytes);
        let _ = codec::decode_rich(&bytes);
        let _ = codec::decode_basic(&bytes);
    }

    #[test]
    fn damaged_envelopes_never_panic(envelope in basic_envelope(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = codec::encode(&envelope).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = codec::decode_basic(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = codec::decode_basic(&bytes);
        let _ = codec::decode_rich(&bytes);
    }
}

#[test]
fn a_truncated_envelope_is_an_error_in_both_dialects() {
    let whole = codec::encode(&codec::message("tom", Some(MessageId([1; 16])), "hello"));
    for len in 1..whole.len() {
        // Truncated between two fields it is a shorter envelope, anywhere else an error.
        let truncated = &whole[..len];
        assert_eq!(codec::decode(truncated).is_ok(), codec::decode_basic(truncated).is_ok(), "{len}");
    }
    assert!(matches!(codec::decode(&whole[..4]), Err(DecodeError::Malformed(_))));
    assert!(codec::decode(b"hello, this is no protobuf").is_err());
    assert!(codec::decode(&[0x0A, 2, 0xFF, 0xFE]).is_err(), "a name that is not UTF-8");
}

#[test]
fn nested_and_too_long_batches_are_refused() {
    let message = codec::encode(&codec::message("tom", None, "x"));
    let inner = codec::batch(vec![message.clone(), message.clone()]);
    let nested = codec::batch(vec![inner, message.clone()]);
    assert_eq!(codec::decode_rich(&nested), Err(DecodeError::BadBatch));
    let frames: Vec<Bytes> = vec![message; BATCH_FRAMES + 1];
    let long = codec::encode(&codec::extension(Extension::Batch(wire::Batch { frames })));
    assert_eq!(codec::decode_rich(&long), Err(DecodeError::BadBatch));
}
