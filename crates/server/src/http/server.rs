//! The server itself: threads, connections, and how long they may take. Must not know what is served.

use super::socket::{Patience, Socket};
use super::{Surface, app};
use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Handshakes that the system completes before somebody takes them.
const BACKLOG: u32 = 1024;
/// How long a connection that is to end may take to, and how long what still comes on it is thrown away.
const DISCONNECT: Duration = Duration::from_secs(1);

/// How long everything may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Each request and answer on a connection.
    pub patience: Patience,
    /// An idle connection is kept for so long.
    pub keep_alive: Duration,
    /// Requests in hand have so long to end when the server stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            patience: Patience { head: Duration::from_secs(5), write: Duration::from_secs(30) },
            keep_alive: Duration::from_secs(75),
            drain: Duration::from_secs(10),
        }
    }
}

/// A server on `listener`, not running before it is awaited. When `closing` is cancelled, connections that nothing is
/// answered on end at once, and the others with their answer.
///
/// # Errors
/// When the listener cannot be used.
pub fn server(
    listener: TcpListener,
    threads: usize,
    surface: Surface,
    timeouts: Timeouts,
    closing: CancellationToken,
) -> io::Result<Server> {
    let connections = surface.front.max_connections.div_ceil(threads);
    let builder = Server::build()
        .workers(threads)
        .max_concurrent_connections(connections)
        .backlog(BACKLOG)
        .shutdown_timeout(timeouts.drain.as_secs())
        .disable_signals();
    let factory = move || {
        let closing = closing.clone();
        let http = HttpService::build()
            .client_request_timeout(timeouts.patience.head)
            .client_disconnect_timeout(DISCONNECT)
            .keep_alive(timeouts.keep_alive)
            .graceful_shutdown_signal(move || closing.clone().cancelled_owned())
            .on_connect_ext(|socket: &Socket<TcpStream>, extensions| socket.introduce(extensions))
            .h1(map_config(app(surface.clone()).into_factory(), |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            // Answers are small and written whole; there is nothing to gather.
            let _ = stream.set_nodelay(true);
            let peer = stream.peer_addr().ok();
            ready(Ok::<_, DispatchError>((Socket::new(stream, timeouts.patience), peer)))
        })
        .and_then(http)
    };
    Ok(builder.listen("http", listener, factory)?.run())
}
