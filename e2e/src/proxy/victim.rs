//! A connection that suffers.

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

use super::{Shared, Weather};
use crate::chance::{Chance, Deck};

/// How long a connection is watched for something to be sent.
const AIM_WITHIN: Duration = Duration::from_secs(3);

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Affliction {
    /// Ended by force: RST both ways.
    Reset,
    /// Ended politely, though by neither end: FIN both ways.
    Ended,
    /// Ended in one direction only.
    HalfClosed,
    /// Nothing passes for a while, in one direction or both; then all of it.
    Stalled,
    /// Everything comes late.
    Delayed,
    /// Everything comes byte by byte.
    Trickled,
    /// What is sent disappears, in one direction or both, and no end is told, not even of the other's end.
    Swallowed,
    /// Ended by force, and for a while nobody gets in.
    Shut,
    /// Something arrives, the answer does not, and then it is ended by force: the sender can't know that it arrived.
    Unanswered,
}

/// The names under which they are counted.
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

impl Affliction {
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

/// How bytes get on in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Pass,
    Stall,
    Delay(Duration),
    Trickle,
    Swallow,
    End,
}

#[derive(PartialEq, Eq)]
enum End {
    Fin,
    Rst,
}

/// The flows to the server and to the client.
type Flows = [watch::Sender<Flow>; 2];

/// Carries between both ends, until both are through with it or the storm ends it.
pub(super) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    chance: Chance,
    shared: Arc<Shared>,
    sky: watch::Receiver<Weather>,
) -> io::Result<()> {
    let flows: Flows = [watch::Sender::new(Flow::Pass), watch::Sender::new(Flow::Pass)];
    let (up, down) = (flows[0].subscribe(), flows[1].subscribe());
    let [sent, received] = [Notify::new(), Notify::new()];
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let carried = async {
        tokio::join!(
            pump(&mut from_client, &mut to_server, up, &sent),
            pump(&mut from_server, &mut to_client, down, &received)
        )
    };
    let end = tokio::select! {
        _ = carried => return Ok(()),
        end = suffer(&flows, &sent, chance, &shared, sky) => end,
    };
    if end == End::Rst {
        server.set_zero_linger()?;
        return client.set_zero_linger();
    }
    // Whichever end is gone already.
    let _ = server.shutdown().await;
    client.shutdown().await
}

/// One affliction after another, as long as there is a storm.
async fn suffer(
    flows: &Flows,
    sent: &Notify,
    mut chance: Chance,
    shared: &Shared,
    mut sky: watch::Receiver<Weather>,
) -> End {
    // Some are bad from their first byte on.
    let mut peace = chance.among(0..4) > 0;
    loop {
        let is_storm = |weather: &Weather| matches!(weather, Weather::Storm(_));
        // The proxy is not dropped before its tasks.
        let _ = sky.wait_for(is_storm).await;
        if std::mem::replace(&mut peace, true) {
            until_calm(&mut sky, chance.mostly_short(50..6_000)).await;
        }
        if !is_storm(&sky.borrow()) {
            continue;
        }
        let (kind, flow, time) = match shared.draw() {
            Affliction::Reset => {
                shared.count("reset");
                return End::Rst;
            }
            Affliction::Ended => {
                shared.count("ended");
                return End::Fin;
            }
            Affliction::Shut => {
                shared.lock().shut_until = Instant::now() + chance.millis(300..3_000);
                shared.count("shut");
                return End::Rst;
            }
            Affliction::Unanswered => {
                flows[1].send_replace(Flow::Swallow);
                let something = timeout(AIM_WITHIN, sent.notified()).await.is_ok();
                shared.count(if something { "cut before the answer" } else { "reset" });
                // The answer takes its time too.
                sleep(chance.millis(30..300)).await;
                return End::Rst;
            }
            Affliction::Stalled => ("stalled", Flow::Stall, chance.mostly_short(200..12_000)),
            Affliction::Delayed => {
                ("delayed", Flow::Delay(chance.millis(20..700)), chance.millis(500..4_000))
            }
            Affliction::Trickled => ("trickled", Flow::Trickle, chance.millis(500..4_000)),
            Affliction::Swallowed => ("swallowed", Flow::Swallow, Duration::MAX),
            Affliction::HalfClosed => ("half closed", Flow::End, Duration::MAX),
        };
        shared.count(kind);
        // Down only, up only, or both; of a half only one.
        let which = chance.among(if flow == Flow::End { 0..2 } else { 0..3 });
        let struck = |direction: u64| which == 2 || which == direction;
        for (_, way) in (0..).zip(flows).filter(|(direction, _)| struck(*direction)) {
            way.send_replace(flow);
        }
        if time == Duration::MAX {
            // There is no way back, not even in a calm: bytes are missing.
            return std::future::pending().await;
        }
        until_calm(&mut sky, time).await;
        for way in flows {
            way.send_replace(Flow::Pass);
        }
    }
}

async fn until_calm(sky: &mut watch::Receiver<Weather>, time: Duration) {
    let calm = sky.wait_for(|weather| !matches!(weather, Weather::Storm(_)));
    let _ = timeout(time, calm).await;
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
            // An end that fails is an end.
            read = from.read(&mut buffer) => read.unwrap_or(0),
            () = ended(&mut flow) => {
                to.shutdown().await?;
                // Whatever else is sent this way: nobody hears it.
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
        // Nothing ends it any more.
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
