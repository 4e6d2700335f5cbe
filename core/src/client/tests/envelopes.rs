//! The envelopes of a server.

use super::*;

pub fn row(room: RoomId, handle: u32) -> wire::RoomRow {
    let role = Role::Member.to_wire().into();
    wire::RoomRow { room: room.to_wire(), handle, role, name: "room".into(), ..wire::RoomRow::default() }
}

pub fn welcome(nick: &str) -> Envelope {
    let rows = vec![row(RoomId::LOBBY, 0), wire::RoomRow { kind: 1, ..row(ROOM, 1) }];
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["batch".into(), "rooms".into()],
        nick: nick.into(),
        secret: SECRET.to_vec(),
        limits: Some(Limits { messages_per_minute: 60, burst: 5, ..Limits::default() }.to_wire()),
        server_name: "Hall".into(),
        heartbeat_ms: 15_000,
        log: LOG.to_vec(),
        account: ME.0.to_vec(),
        rows: Some(wire::AccountRows {
            rows: room_rows::pack(rows),
            complete: true,
            version: 9,
            ..wire::AccountRows::default()
        }),
        window: Some(wire::RoomWindow::default()),
        ..wire::Welcome::default()
    };
    codec::extension(Ext::Welcome(welcome))
}

pub fn with_welcome(change: impl FnOnce(&mut wire::Welcome)) -> Envelope {
    let mut envelope = welcome("tom");
    let Some(Ext::Welcome(welcome)) = &mut envelope.extension else { unreachable!() };
    change(welcome);
    envelope
}

pub fn ack(id: MessageId, seq: u64) -> Envelope {
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
    codec::extension(Ext::Ack(wire::Ack { accepted }))
}

/// A live message.
pub fn talk(room: RoomId, sender: UserId, seq: u64, id: MessageId) -> Envelope {
    let (room, sender) = (room.to_wire(), sender.0.to_vec());
    Envelope { room, sender, seq, ord: seq, time: 5, ..codec::message("lili", Some(id), "hi") }
}

pub fn response(request: u32, result: Answer) -> Envelope {
    let response = wire::Response { request, result: Some(result) };
    codec::extension(Ext::Event(wire::ServerEvent { room: Vec::new(), body: Some(Body::Response(response)) }))
}

pub fn refused(request: u32, status: Status, retry_after_ms: u32) -> Envelope {
    let Some(Ext::Refusal(refusal)) = codec::refusal(status, None, retry_after_ms, None).extension else {
        unreachable!()
    };
    response(request, Answer::Refusal(refusal))
}

pub fn window(seq: u64) -> wire::RoomWindow {
    wire::RoomWindow { seq, ..wire::RoomWindow::default() }
}

pub fn server_window(room: RoomId, window: wire::RoomWindow) -> Envelope {
    codec::extension(Ext::Event(wire::ServerEvent { room: room.to_wire(), body: Some(Body::Window(window)) }))
}

pub fn listed(nick: &str, kind: &str, content: &str, names: &[&str]) -> Envelope {
    Envelope {
        user_name: nick.into(),
        r#type: kind.into(),
        content: content.into(),
        user_list: codec::user_list(names.iter().copied()),
        ..Envelope::default()
    }
}
