//! The codec against arbitrary input: what goes in comes out, and what is no frame is an error and nothing else.

use bytes::Bytes;
use parlour_core::{
    codec::{self, BATCH_FRAMES, DecodeError, Extension},
    model::MessageId,
    wire,
};
#[cfg(not(target_arch = "wasm32"))]
use {
    parlour_core::codec::Frame,
    proptest::{collection::vec, prelude::*},
};

#[cfg(not(target_arch = "wasm32"))]
fn basic_frame() -> impl Strategy<Value = Frame> {
    let name = "[a-z李\n]{1,200}";
    (name, "talk|exit|userlist", ".{0,300}", vec("[a-z]{1,9}", 0..4)).prop_map(
        |(nick, kind, content, list)| Frame {
            user_name: nick,
            r#type: kind,
            content,
            user_list: codec::user_list(list),
            ..Frame::default()
        },
    )
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn frames_come_back(frame in basic_frame(), id in any::<[u8; 16]>(), seq: u64, time: i64) {
        let frame = Frame { id: id.to_vec(), seq, time, ..frame };
        prop_assert_eq!(codec::decode(&codec::encode(&frame)), Ok(frame));
    }

    /// The original server writes what waits into one message with a byte 0x0A between; names, texts and
    /// lengths may hold that byte too.
    #[test]
    fn joined_messages_are_separated(frames in vec(basic_frame(), 1..8)) {
        let joined = frames.iter().map(|f| codec::encode(f).to_vec()).collect::<Vec<_>>().join(&b'\n');
        prop_assert_eq!(codec::decode_basic(&joined), Ok(frames));
    }

    #[test]
    fn batches_come_back(frames in vec(basic_frame(), 0..8)) {
        let batch = codec::batch(frames.iter().map(codec::encode).collect());
        prop_assert_eq!(codec::decode_rich(&batch), Ok(frames));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = codec::decode(&bytes);
        let _ = codec::decode_rich(&bytes);
        let _ = codec::decode_basic(&bytes);
    }

    #[test]
    fn damaged_frames_never_panic(frame in basic_frame(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = codec::encode(&frame).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = codec::decode_basic(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = codec::decode_basic(&bytes);
        let _ = codec::decode_rich(&bytes);
    }
}

#[test]
fn a_frame_cut_short_is_an_error() {
    let whole = codec::encode(&codec::talk("tom", "", Some(MessageId([1; 16])), "hello"));
    for len in 1..whole.len() {
        // Cut between two fields, a shorter frame is left; anywhere else it is an error. Never both dialects differ.
        let cut = &whole[..len];
        assert_eq!(codec::decode(cut).is_ok(), codec::decode_basic(cut).is_ok(), "{len}");
    }
    assert!(matches!(codec::decode(&whole[..4]), Err(DecodeError::Malformed(_))));
    assert!(codec::decode(b"hello, this is no protobuf").is_err());
    assert!(codec::decode(&[0x0A, 2, 0xFF, 0xFE]).is_err(), "a name that is not UTF-8");
}

#[test]
fn batches_nest_no_deeper_and_hold_no_more() {
    let talk = codec::encode(&codec::talk("tom", "", None, "x"));
    let inner = codec::batch(vec![talk.clone(), talk.clone()]);
    let nested = codec::batch(vec![inner, talk.clone()]);
    assert_eq!(codec::decode_rich(&nested), Err(DecodeError::BadBatch));
    let frames: Vec<Bytes> = vec![talk; BATCH_FRAMES + 1];
    let long = codec::encode(&codec::extension("", Extension::Batch(wire::Batch { frames })));
    assert_eq!(codec::decode_rich(&long), Err(DecodeError::BadBatch));
}
