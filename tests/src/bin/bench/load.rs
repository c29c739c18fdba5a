//! The load generator: raw HTTP/1.1 over kept connections, as little work per request as possible, in a process and on a
//! thread of its own. Closed loop (each connection sends when it has its answer) or open loop (so many a second, whether
//! answers come or not). Must not know what the requests say.

use crate::figures::Latencies;
use crate::prepared::{PEOPLE, Prepared, message_ref};
use anyhow::{Context as _, Result, bail};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ChildStdin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

#[derive(clap::Args, Clone)]
pub struct Arguments {
    /// Where the server listens, host:port
    #[arg(long)]
    address: String,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long to send
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Requests a second; 0 for as many as are answered
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// The number of the first message
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// At most so many requests
    #[arg(long, default_value_t = 250_000)]
    at_most: usize,
    /// Rest while standard input said `shut` last, go on when it says `open`
    #[arg(long)]
    gated: bool,
    /// People who write
    #[arg(long, default_value_t = PEOPLE)]
    people: u64,
    /// Where to write which messages were acknowledged
    #[arg(long)]
    acknowledged: Option<PathBuf>,
    /// Slack signing secret
    #[arg(long, env = "SLACK_SIGNING_SECRET", hide_env_values = true)]
    secret: String,
}

/// What came back.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct Outcome {
    pub seconds: f64,
    /// Answered with 200.
    pub ok: u64,
    /// Answered with 503.
    pub shed: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// Not answered: the connection broke.
    pub broken: u64,
    pub latency: Latencies,
    /// The longest that a 503 took, in milliseconds.
    pub slowest_shed_ms: f64,
}

/// The other end of a gated generator's input.
pub struct Gate {
    input: ChildStdin,
    open: bool,
}

impl Gate {
    pub fn new(input: ChildStdin) -> Self {
        Self { input, open: true }
    }

    /// Lets messages through, or not.
    pub fn set(&mut self, open: bool) -> Result<()> {
        if open != self.open {
            self.open = open;
            writeln!(self.input, "{}", if open { "open" } else { "shut" })?;
            self.input.flush()?;
        }
        Ok(())
    }
}

/// What the gate says, kept up to date by a thread of its own.
fn gate(gated: bool) -> Arc<AtomicBool> {
    let open = Arc::new(AtomicBool::new(true));
    if gated {
        let says = Arc::clone(&open);
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                says.store(line == "open", Ordering::Relaxed);
            }
            says.store(true, Ordering::Relaxed);
        });
    }
    open
}

struct Run {
    open: Arc<AtomicBool>,
    arguments: Arguments,
    prepared: Prepared,
    next: Cell<usize>,
    begun: Instant,
    tally: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    micros: Vec<u32>,
    acknowledged: Vec<u32>,
    outcome: Outcome,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let limit =
        if arguments.rate > 0 { arguments.rate as f64 * arguments.seconds } else { 20_000.0 * arguments.seconds };
    let count = arguments.at_most.min(limit as usize);
    let secret = SecretString::from(arguments.secret.clone());
    let prepared = Prepared::by(&secret, arguments.first, count, arguments.people);
    let open = gate(arguments.gated);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (begun, next, tally) = (Instant::now(), Cell::new(0), RefCell::default());
    let run = Rc::new(Run { open, arguments: arguments.clone(), prepared, next, begun, tally });
    LocalSet::new().block_on(&runtime, async {
        let connections: Vec<_> =
            (0..arguments.connections).map(|_| tokio::task::spawn_local(Rc::clone(&run).connection())).collect();
        for connection in connections {
            connection.await.context("a connection's task panicked")?;
        }
        anyhow::Ok(())
    })?;
    let mut tally = run.tally.take();
    tally.outcome.seconds = run.begun.elapsed().as_secs_f64();
    tally.outcome.latency = Latencies::of(&mut tally.micros);
    if let Some(file) = &arguments.acknowledged {
        let refs = tally.acknowledged.iter().fold(String::new(), |mut text, index| {
            let _infallible = writeln!(text, "{}", message_ref(run.prepared.number(*index as usize)));
            text
        });
        std::fs::write(file, refs).with_context(|| format!("cannot write {}", file.display()))?;
    }
    println!("{}", serde_json::to_string(&tally.outcome)?);
    Ok(())
}

impl Run {
    /// Sends one request after the other over one connection, and another where that breaks.
    async fn connection(self: Rc<Self>) {
        let mut answer = Vec::with_capacity(4096);
        let mut stream = None;
        while let Some((index, due)) = self.turn().await {
            let request = self.prepared.get(index).unwrap_or_default();
            match exchange(&mut stream, &self.arguments.address, request, &mut answer).await {
                Ok(status) => self.note(index, status, due.elapsed()),
                Err(_) => {
                    stream = None;
                    self.tally.borrow_mut().outcome.broken += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// The next request, when it is time for it, and the moment from which its answer is waited for: in an open loop the
    /// one at which it should have been sent, so that a slow answer is not kind to those behind it.
    async fn turn(&self) -> Option<(usize, Instant)> {
        while !self.open.load(Ordering::Relaxed) && self.begun.elapsed().as_secs_f64() < self.arguments.seconds {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let index = self.next.get();
        let late = self.begun.elapsed().as_secs_f64() >= self.arguments.seconds;
        if late || index >= self.prepared.len() {
            return None;
        }
        self.next.set(index + 1);
        if self.arguments.rate == 0 {
            return Some((index, Instant::now()));
        }
        let due = self.begun + Duration::from_secs_f64(index as f64 / self.arguments.rate as f64);
        if Instant::now() < due {
            // The timer's own lateness, up to a millisecond, is no answer's.
            tokio::time::sleep_until(due.into()).await;
            return Some((index, Instant::now()));
        }
        Some((index, due))
    }

    fn note(&self, index: usize, status: u16, took: Duration) {
        let mut tally = self.tally.borrow_mut();
        match status {
            200 => {
                tally.outcome.ok += 1;
                tally.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                tally.acknowledged.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
            503 => {
                tally.outcome.shed += 1;
                tally.outcome.slowest_shed_ms = tally.outcome.slowest_shed_ms.max(took.as_secs_f64() * 1e3);
            }
            _ => tally.outcome.refused += 1,
        }
    }
}

async fn exchange(stream: &mut Option<TcpStream>, address: &str, request: &[u8], answer: &mut Vec<u8>) -> Result<u16> {
    let stream = match stream {
        Some(stream) => stream,
        None => {
            let connected = TcpStream::connect(address).await?;
            connected.set_nodelay(true)?;
            stream.insert(connected)
        }
    };
    stream.write_all(request).await?;
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server hung up");
        }
        if let Some(status) = whole(answer)? {
            return Ok(status);
        }
    }
}

/// The status, once the answer has arrived in whole.
fn whole(answer: &[u8]) -> Result<Option<u16>> {
    let Some(head_end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..head_end]).context("no HTTP")?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("no status")?;
    let length = head
        .split("\r\n")
        .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .and_then(|(_, value)| value.parse::<usize>().ok())
        .context("no content-length")?;
    Ok((answer.len() >= head_end + 4 + length).then_some(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(answer).expect("HTTP"), Some(503));
        assert_eq!(whole(&answer[..answer.len() - 1]).expect("HTTP"), None);
        assert_eq!(whole(b"HTTP/1.1 2").expect("HTTP"), None);
    }
}
