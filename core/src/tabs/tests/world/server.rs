//! The server, which accepts one connection and knows each message by its id.

use super::*;

impl World {
    pub(super) fn close(&mut self, at: usize) {
        if self.connection.is_some_and(|(tab, _)| tab == at) {
            self.connection = None;
        }
    }

    fn answer(&mut self, at: usize, envelope: &Envelope) {
        let socket = self.tabs[at].socket;
        self.deliver(at, Input::Socket(socket, SocketEvent::Message(codec::encode(envelope).to_vec())));
    }

    pub(super) fn serve(&mut self, at: usize, bytes: &[u8]) {
        if !self.server_answers {
            return;
        }
        let socket = self.tabs[at].socket;
        for envelope in codec::decode_rich(bytes).unwrap() {
            match envelope.extension {
                Some(Extension::Login(_)) => {
                    if let Some((old, number)) = self.connection.replace((at, socket)) {
                        self.deliver(
                            old,
                            Input::Socket(number, SocketEvent::Closed(Status::Replaced.code())),
                        );
                    }
                    let position = wire::RoomPosition { seq: self.log.len() as u64, ..Default::default() };
                    let welcome = wire::Welcome {
                        version: 1,
                        nick: "tom".into(),
                        secret: vec![7; 32],
                        capabilities: vec!["history".into()],
                        log: vec![1],
                        positions: vec![position],
                        ..wire::Welcome::default()
                    };
                    self.answer(at, &codec::extension(Extension::Welcome(welcome)));
                }
                Some(Extension::Ping(ping)) => {
                    self.answer(at, &codec::extension(Extension::Pong(wire::Pong { nonce: ping.nonce })))
                }
                _ if envelope.r#type == codec::TALK && self.connection == Some((at, socket)) => {
                    self.talk(at, MessageId::from_wire(&envelope.id).unwrap());
                }
                _ => {}
            }
        }
    }

    fn talk(&mut self, at: usize, id: MessageId) {
        *self.received.entry(id).or_default() += 1;
        if self.refused.contains(&id) {
            let code = Status::ContentTooLong.code().into();
            let refusal = wire::Refusal { code, id: id.0.to_vec(), ..wire::Refusal::default() };
            return self.answer(at, &codec::extension(Extension::Refusal(refusal)));
        }
        if !self.log.contains(&id) {
            self.log.push(id);
        }
        let seq = self.log.iter().position(|logged| *logged == id).unwrap() as u64 + 1;
        let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
        self.answer(at, &codec::extension(Extension::Ack(wire::Ack { accepted })));
    }
}
