//! A minimal IRC server (RFC 1459) for clients in one channel: names, joining, pings and messages. It refuses IRCv3
//! capabilities.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{Feed, listen::listen};

pub const CHANNEL: &str = "#parlour";

/// Nicks of the feed, used in turn; the connected clients are listed besides them.
const SENDERS: [&str; 4] = ["u0", "u1", "u2", "u3"];

/// The clients in the channel.
type Members = Arc<Mutex<Vec<(String, TcpStream)>>>;

/// A running server. Its threads end with their connections, its listener with the program.
pub struct Irc {
    pub address: SocketAddr,
    members: Members,
    sent: usize,
    out: Vec<u8>,
}

impl Irc {
    pub fn start() -> Result<Self> {
        let members = Members::default();
        let shared = members.clone();
        let address = listen(move |stream| serve(&shared, stream))?;
        Ok(Self { address, members, sent: 0, out: Vec::new() })
    }
}

impl Feed for Irc {
    fn send(&mut self, text: &str) -> Result<()> {
        let nick = SENDERS[self.sent % SENDERS.len()];
        self.sent += 1;
        Ok(write!(self.out, ":{nick}!{nick}@bench PRIVMSG {CHANNEL} :{text}\r\n")?)
    }

    fn poll(&mut self, wait: Duration) -> Result<()> {
        for (_, stream) in lock(&self.members).iter_mut() {
            stream.write_all(&self.out).context("a client has disconnected")?;
        }
        self.out.clear();
        thread::sleep(wait.min(Duration::from_millis(1)));
        Ok(())
    }
}

fn lock(members: &Members) -> MutexGuard<'_, Vec<(String, TcpStream)>> {
    // A thread that panicked has left the list unchanged.
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until it ends.
fn serve(members: &Members, stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut nick = String::from("*");
    for line in BufReader::new(stream).lines() {
        let answer = answer(members, &mut nick, line?.trim_end(), &out)?;
        out.write_all(answer.as_bytes())?;
    }
    lock(members).retain(|(name, _)| *name != nick);
    Ok(())
}

/// The response to a line.
fn answer(members: &Members, nick: &mut String, line: &str, out: &TcpStream) -> Result<String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match verb.to_ascii_uppercase().as_str() {
        "CAP" if rest.starts_with("LS") => ":bench CAP * LS :\r\n".into(),
        "CAP" if rest.starts_with("REQ") => {
            format!(":bench CAP * NAK {}\r\n", rest.trim_start_matches("REQ "))
        }
        "NICK" => {
            *nick = rest.trim_start_matches(':').to_owned();
            String::new()
        }
        "USER" => format!(
            ":bench 001 {nick} :Welcome\r\n:bench 005 {nick} CHANTYPES=# NETWORK=bench :are supported\r\n\
             :bench 422 {nick} :No message of the day\r\n"
        ),
        "PING" => format!(":bench PONG bench {rest}\r\n"),
        "JOIN" => {
            lock(members).push((nick.clone(), out.try_clone()?));
            format!(
                ":{nick}!{nick}@bench JOIN {CHANNEL}\r\n:bench 353 {nick} = {CHANNEL} :{nick} {}\r\n\
                 :bench 366 {nick} {CHANNEL} :End of names\r\n",
                SENDERS.join(" ")
            )
        }
        "MODE" => format!(":bench 324 {nick} {CHANNEL} +n\r\n"),
        "WHO" => format!(":bench 315 {nick} {CHANNEL} :End of who\r\n"),
        "PRIVMSG" => {
            let sent = format!(":{nick}!{nick}@bench PRIVMSG {rest}\r\n");
            for (_, stream) in lock(members).iter_mut().filter(|(name, _)| name != nick) {
                stream.write_all(sent.as_bytes())?;
            }
            String::new()
        }
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn client_joins_and_receives_messages() {
        let mut irc = Irc::start().unwrap();
        let connect = |nick: &str| {
            let mut stream = TcpStream::connect(irc.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let hello = format!(
                "CAP LS 302\r\nNICK {nick}\r\nUSER a 0 * :a\r\nCAP END\r\nJOIN {CHANNEL}\r\nPING 7\r\n"
            );
            stream.write_all(hello.as_bytes()).unwrap();
            stream
        };
        let until = |stream: &mut TcpStream, words: &str| {
            let mut seen = Vec::new();
            while !String::from_utf8_lossy(&seen).contains(words) {
                let mut part = [0; 1024];
                let read = stream.read(&mut part).unwrap();
                assert!(read > 0, "{words} in {}", String::from_utf8_lossy(&seen));
                seen.extend_from_slice(&part[..read]);
            }
        };
        let (mut tom, mut lili) = (connect("tom"), connect("lili"));
        until(&mut tom, "PONG bench 7\r\n");
        until(&mut lili, "PONG bench 7\r\n");
        tom.write_all(b"PRIVMSG #parlour :hi\r\n").unwrap();
        until(&mut lili, ":tom!tom@bench PRIVMSG #parlour :hi\r\n");
        irc.send("k1k").unwrap();
        irc.poll(Duration::ZERO).unwrap();
        until(&mut tom, ":u0!u0@bench PRIVMSG #parlour :k1k\r\n");
    }
}
