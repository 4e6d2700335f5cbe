//! A proxied connection, and the faults injected into it.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{Mode, Shared};
use crate::rng::{Deck, Rng};

/// The time to wait for a message before the connection is reset anyway.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(3);

/// A fault of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// RST in both directions.
    Reset,
    /// FIN in both directions, which neither end has sent.
    Ended,
    /// FIN in one direction.
    HalfClosed,
    /// Data is held back for a while, in one direction or both, and then forwarded.
    Stalled,
    /// Everything is delayed.
    Delayed,
    /// Bytes arrive one by one.
    Trickled,
    /// Data disappears in one direction or both, and the end of the connection is not passed on.
    Swallowed,
    /// RST in both directions, and new connections are refused for a while.
    Shut,
    /// A message is forwarded and its answer is dropped, then RST. So the sender cannot determine whether the message
    /// arrived.
    Unanswered,
}

/// The names under which faults are counted.
#[cfg(test)]
pub(super) const KINDS: [&str; 10] = [
    "reset",
    "ended",
    "half closed",
    "stalled",
    "delayed",
    "trickled",
    "swallowed",
    "shut",
    "refused",
    "cut before the answer",
];

impl Fault {
    pub(super) fn deck() -> Deck<Self> {
        Deck::new(&[
            (3, Self::Reset),
            (2, Self::Ended),
            (1, Self::HalfClosed),
            (4, Self::Stalled),
            (2, Self::Delayed),
            (2, Self::Trickled),
            (2, Self::Swallowed),
            (1, Self::Shut),
            (5, Self::Unanswered),
        ])
    }
}

/// The flow of data in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Pass,
    Stall,
    Delay(Duration),
    Trickle,
    Swallow,
    End,
}

/// The way in which a fault ends a connection.
#[derive(PartialEq, Eq)]
enum Ending {
    Fin,
    Rst,
}

/// The flows to the server and to the client, in this order.
type Flows = [watch::Sender<Flow>; 2];

/// Relays data until both ends have closed or a fault ends the connection.
pub(super) async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    rng: Rng,
    shared: Arc<Shared>,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let flows: Flows = [watch::Sender::new(Flow::Pass), watch::Sender::new(Flow::Pass)];
    let (up, down) = (flows[0].subscribe(), flows[1].subscribe());
    let [sent, received] = [Notify::new(), Notify::new()];
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let relayed = async {
        tokio::join!(
            pump(&mut from_client, &mut to_server, up, &sent),
            pump(&mut from_server, &mut to_client, down, &received)
        )
    };
    let end = tokio::select! {
        _ = relayed => return Ok(()),
        end = inject(&flows, &sent, rng, &shared, mode) => end,
    };
    if end == Ending::Rst {
        server.set_zero_linger()?;
        return client.set_zero_linger();
    }
    // Fails if an end is closed already.
    let _ = server.shutdown().await;
    client.shutdown().await
}

/// Injects one fault after another while the proxy is in faulty mode. Returns how to end the connection.
async fn inject(
    flows: &Flows,
    sent: &Notify,
    mut rng: Rng,
    shared: &Shared,
    mut mode: watch::Receiver<Mode>,
) -> Ending {
    // Some connections are faulty from their first byte.
    let mut healthy = rng.in_range(0..4) > 0;
    loop {
        let is_faulty = |mode: &Mode| matches!(mode, Mode::Faulty(_));
        // Fails only if the proxy is dropped, which ends this task first.
        let _ = mode.wait_for(is_faulty).await;
        if std::mem::replace(&mut healthy, true) {
            until_faults_stop(&mut mode, rng.mostly_short(50..6_000)).await;
        }
        if !is_faulty(&mode.borrow()) {
            continue;
        }
        let (kind, flow, time) = match shared.draw() {
            Fault::Reset => {
                shared.count("reset");
                return Ending::Rst;
            }
            Fault::Ended => {
                shared.count("ended");
                return Ending::Fin;
            }
            Fault::Shut => {
                shared.lock().refused_until = Instant::now() + rng.millis(300..3_000);
                shared.count("shut");
                return Ending::Rst;
            }
            Fault::Unanswered => {
                flows[1].send_replace(Flow::Swallow);
                let message_sent = timeout(MESSAGE_TIMEOUT, sent.notified()).await.is_ok();
                shared.count(if message_sent { "cut before the answer" } else { "reset" });
                // The server needs time to answer.
                sleep(rng.millis(30..300)).await;
                return Ending::Rst;
            }
            Fault::Stalled => ("stalled", Flow::Stall, rng.mostly_short(200..12_000)),
            Fault::Delayed => ("delayed", Flow::Delay(rng.millis(20..700)), rng.millis(500..4_000)),
            Fault::Trickled => ("trickled", Flow::Trickle, rng.millis(500..4_000)),
            Fault::Swallowed => ("swallowed", Flow::Swallow, Duration::MAX),
            Fault::HalfClosed => ("half closed", Flow::End, Duration::MAX),
        };
        shared.count(kind);
        // 0: to the server, 1: to the client, 2: both. Half-closing affects one direction only.
        let which = rng.in_range(if flow == Flow::End { 0..2 } else { 0..3 });
        let affected = |direction: u64| which == 2 || which == direction;
        for (_, way) in (0..).zip(flows).filter(|(direction, _)| affected(*direction)) {
            way.send_replace(flow);
        }
        if time == Duration::MAX {
            // Data is missing, so the connection cannot recover even without faults.
            return std::future::pending().await;
        }
        until_faults_stop(&mut mode, time).await;
        for way in flows {
            way.send_replace(Flow::Pass);
        }
    }
}

async fn until_faults_stop(mode: &mut watch::Receiver<Mode>, time: Duration) {
    let stopped = mode.wait_for(|mode| !matches!(mode, Mode::Faulty(_)));
    let _ = timeout(time, stopped).await;
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut flow: watch::Receiver<Flow>,
    passed: &Notify,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            // A read error ends the direction.
            read = from.read(&mut buffer) => read.unwrap_or(0),
            () = ended(&mut flow) => {
                to.shutdown().await?;
                // Discard the rest of the input.
                tokio::io::copy(from, &mut tokio::io::sink()).await?;
                return Ok(());
            }
        };
        let now = flow.wait_for(|flow| *flow != Flow::Stall).await.map_or(Flow::Pass, |flow| *flow);
        match now {
            Flow::Swallow | Flow::End if read == 0 => return Ok(()),
            Flow::Swallow => {}
            _ if read == 0 => return to.shutdown().await,
            Flow::Trickle => trickle(&buffer[..read], to, &flow).await?,
            Flow::Delay(time) => {
                sleep(time).await;
                to.write_all(&buffer[..read]).await?;
            }
            Flow::Pass | Flow::Stall | Flow::End => to.write_all(&buffer[..read]).await?,
        }
        passed.notify_waiters();
    }
}

async fn ended(flow: &mut watch::Receiver<Flow>) {
    if flow.wait_for(|flow| *flow == Flow::End).await.is_err() {
        // The sender was dropped: no fault will end this direction.
        std::future::pending::<()>().await;
    }
}

async fn trickle(
    bytes: &[u8],
    to: &mut (impl AsyncWrite + Unpin),
    flow: &watch::Receiver<Flow>,
) -> io::Result<()> {
    for at in 0..bytes.len() {
        if *flow.borrow() != Flow::Trickle {
            return to.write_all(&bytes[at..]).await;
        }
        to.write_all(&bytes[at..=at]).await?;
        sleep(Duration::from_millis(4)).await;
    }
    Ok(())
}
