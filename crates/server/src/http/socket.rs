//! The connection underneath HTTP, with an end to patience: the framework bounds the first head on a connection only, and
//! lets an answer that nobody reads wait for ever. Must not know HTTP.

use actix_web::dev::Extensions;
use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long the other side may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For the head of a request, from its first byte on.
    pub head: Duration,
    /// To take anything more of an answer.
    pub write: Duration,
}

/// What is known about one connection.
#[derive(Debug, Default)]
struct State {
    /// Requests that a handler has and has not answered.
    in_hand: Cell<u32>,
    /// When bytes came that no handler has got yet.
    reading: Cell<Option<Instant>>,
    /// When a body was given up whose rest may still come, or never.
    given_up: Cell<Option<Instant>>,
    /// When the other side stopped taking what is written.
    stalled: Cell<Option<Instant>>,
    /// The other side sends nothing more: it has hung up, or shut its half.
    left: Cell<bool>,
}

/// The connection of a request, among its connection data.
#[derive(Clone, Debug)]
pub struct Connection(Rc<State>);

/// As long as this lives, the other side may be silent or talk ahead.
#[derive(Debug)]
pub struct InHand(Rc<State>);

impl Connection {
    /// The head of a request is complete, and somebody works on it.
    #[must_use]
    pub fn take_in_hand(&self) -> InHand {
        self.0.in_hand.set(self.0.in_hand.get() + 1);
        self.0.reading.set(None);
        self.0.given_up.set(None);
        InHand(Rc::clone(&self.0))
    }

    /// Nobody reads the rest of this request's body. The framework waits for its end before it reads the next request; this
    /// connection waits no longer than for a head.
    pub fn give_up_body(&self) {
        self.0.given_up.set(Some(Instant::now()));
    }
}

impl Connection {
    /// Whether the other side has hung up, as far as it can be seen. Who has shut only his half counts too: no client for
    /// whom a stream makes sense does that. Whoever is told is woken by the connection itself.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.0.left.get()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.set(self.0.in_hand.get().saturating_sub(1));
    }
}

/// A stream that fails with `TimedOut` when the other side takes too long.
pub struct Socket<S> {
    stream: S,
    patience: Patience,
    state: Rc<State>,
    /// Armed only while something is waited for, and never moved: a look every so often is cheaper than a timer for each
    /// request.
    look: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    /// Over `stream`.
    pub fn new(stream: S, patience: Patience) -> Self {
        Self { stream, patience, state: Rc::default(), look: None }
    }

    /// Tells requests which connection they are on.
    pub fn introduce(&self, extensions: &mut Extensions) {
        extensions.insert(Connection(Rc::clone(&self.state)));
    }

    /// Until when the other side has time, if it is waited for.
    fn deadline(&self) -> Option<Instant> {
        if let Some(since) = self.state.stalled.get() {
            return Some(since + self.patience.write);
        }
        if self.state.in_hand.get() > 0 {
            return None;
        }
        let waiting = [self.state.reading.get(), self.state.given_up.get()].into_iter().flatten().min();
        waiting.map(|since| since + self.patience.head)
    }

    /// Pending, or the end of patience.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        while let Some(deadline) = self.deadline() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // No longer than the shorter patience, for that may be asked for next.
            let left = left.min(self.patience.head);
            if self.look.get_or_insert_with(|| Box::pin(sleep(left))).as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.look = None;
        }
        Poll::Pending
    }

    fn written(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.state.stalled.set(None);
            // An answer goes out, so whatever came in was a request.
            self.state.reading.set(None);
            // Whoever has given a body up may not look for more of it before something wakes him.
            let _: Poll<io::Result<()>> = self.wait(context);
            return written;
        }
        self.state.stalled.set(self.state.stalled.get().or_else(|| Some(Instant::now())));
        self.wait(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        if read.is_pending() {
            return this.wait(context);
        }
        if into.filled().len() == before && into.remaining() > 0 {
            this.state.left.set(true);
        }
        if into.filled().len() > before && this.state.in_hand.get() == 0 && this.state.reading.get().is_none() {
            this.state.reading.set(Some(Instant::now()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
