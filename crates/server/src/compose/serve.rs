//! Runs HTTP and worker until the process is told to stop, then drains them in order. Must not know what they do.

use super::gate::GatedWorker;
use crate::http::Surface;
use crate::http::front::Front;
use crate::http::server::{Timeouts, server};
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use anyhow::{Context, Result, anyhow, bail};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long what was left by clients that hung up may take to be stored.
const INTAKE_DRAIN: Duration = Duration::from_secs(2);
/// How long work in hand may take to end; what has not ended is taken over by another worker when its lease runs out.
const WORKER_DRAIN: Duration = Duration::from_secs(30);

/// Opens the port, and says what to do when it is taken.
///
/// # Errors
/// When it cannot be opened.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let cure = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there; stop it, or choose another with DISPATCH_ADDR (or `dev --port`)"
            }
            ErrorKind::PermissionDenied => "ports below 1024 need more rights; choose another with DISPATCH_ADDR",
            _ => "check DISPATCH_ADDR",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address}: {cure}"))
    })
}

/// Runs whatever is given until SIGINT or SIGTERM: first `/readyz` says no for as long as a load balancer needs to hear it;
/// then no new requests and no new work, and what is in hand is answered and finished. A second signal ends the wait.
///
/// # Errors
/// When HTTP or the worker ends by itself.
pub async fn until_told(http: Option<(TcpListener, Surface)>, worker: Option<GatedWorker>) -> Result<()> {
    let mut stop = StopSignal::new()?;
    let drain = CancellationToken::new();
    let mut running = JoinSet::new();
    let intake = http.as_ref().map(|(_, surface)| surface.intake.clone());
    let streams = http.as_ref().map(|(_, surface)| surface.streams.clone());
    let mut door = None;
    if let Some((listener, surface)) = http {
        let (front, closing) = (surface.front.clone(), CancellationToken::new());
        let server = start(listener, surface, closing.clone())?;
        door = Some(Door { front, closing, handle: server.handle() });
        running.spawn(async move { ("the HTTP server", server.await.map_err(anyhow::Error::from)) });
    }
    if let Some(worker) = worker {
        // On a thread of its own: what its lanes do between two waits should delay nobody's connection.
        let (drain, home) = (drain.clone(), Handle::current());
        running.spawn_blocking(move || {
            home.block_on(worker.run(drain));
            ("the worker", Ok(()))
        });
    }
    tokio::select! {
        name = stop.next() => tracing::info!(signal = name, "stopping: what is in hand is finished"),
        Some(ended) = running.join_next() => return by_itself(ended),
    }
    let draining = async {
        if let Some(door) = &door {
            door.announce().await;
        }
        drain.cancel();
        // A connection that a stream is told on ends with the stream.
        if let (Some(door), Some(streams)) = (&door, &streams) {
            tokio::join!(door.close(), streams.drain());
        }
        if let Some(intake) = intake {
            let stored = tokio::time::timeout(INTAKE_DRAIN, intake.drained()).await;
            if stored.is_err() {
                tracing::warn!("what was left at intake is not stored; its senders were never told that it was");
            }
        }
        let all_ended = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(WORKER_DRAIN, all_ended).await.is_err() {
            tracing::warn!("work in hand did not end in time; another worker takes it when its lease runs out");
        }
    };
    tokio::select! {
        () = draining => tracing::info!("stopped"),
        name = stop.next() => tracing::warn!(signal = name, "stopping at once; work in hand is taken up again later"),
    }
    Ok(())
}

/// Nothing may end before it is told to.
fn by_itself(ended: Result<(&'static str, Result<()>), JoinError>) -> Result<()> {
    // The words of a panic are for nobody; its place is in the log.
    let (what, outcome) = ended.map_err(|_| anyhow!("a part of the server panicked"))?;
    outcome.with_context(|| format!("{what} failed"))?;
    bail!("{what} ended by itself")
}

fn start(listener: TcpListener, surface: Surface, closing: CancellationToken) -> Result<Server> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    server(listener, threads, surface, Timeouts::default(), closing).context("cannot serve on the port")
}

/// A door that can be closed without hurting anybody.
struct Door {
    front: Data<Front>,
    closing: CancellationToken,
    handle: ServerHandle,
}

impl Door {
    /// Tells load balancers, and gives them time to listen.
    async fn announce(&self) {
        self.front.leave();
        tokio::time::sleep(self.front.drain_delay).await;
    }

    /// Ends idle connections, and the others with their answers.
    async fn close(&self) {
        self.closing.cancel();
        self.handle.stop(true).await;
    }
}

/// The two signals that ask a process to end.
struct StopSignal {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
