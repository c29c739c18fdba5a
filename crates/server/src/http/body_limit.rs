//! Bodies, watched from outside every handler: none is longer than its route reads, and none may take for ever to arrive.
//! Must not know what is in them.

use super::intake;
use super::limits::Claim;
use super::problem::{Problem, kind};
use super::socket::Connection;
use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::Stream;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Largest body that an operation reads, intake aside.
pub const OPERATION_BYTES: usize = 64 * 1024;

/// The most bytes of a body for the route of this pattern. Webhooks are long, and so are fifty messages at once, or what
/// was said before a question.
pub fn of(pattern: Option<&str>, claim: Claim) -> usize {
    let long = ["/reason/classify", "/reason/classifications", "/reason/query"];
    let is_long = pattern.is_some_and(|pattern| long.iter().any(|path| pattern.ends_with(path)));
    if is_long || claim == Claim::Webhook { intake::LIMIT_BYTES } else { OPERATION_BYTES }
}

/// How long a body may take to arrive. Ten seconds unless the application says otherwise; Slack itself waits three.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

/// What became of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Late,
    Long,
}

/// The watch over one body.
pub struct Watch {
    limit: usize,
    patience: Duration,
    fault: Rc<Cell<Option<Fault>>>,
}

impl Watch {
    /// Over the body of `request`, which has `limit` bytes at most.
    pub fn over(request: &mut ServiceRequest, limit: usize) -> Self {
        let Patience(patience) = request.app_data::<Patience>().copied().unwrap_or_default();
        let watch = Self { limit, patience, fault: Rc::default() };
        let payload = request.take_payload();
        let connection = request.conn_data::<Connection>().cloned();
        let payload = if matches!(payload, Payload::None) { payload } else { watch.wrap(payload, connection) };
        request.set_payload(payload);
        watch
    }

    fn wrap(&self, payload: Payload, connection: Option<Connection>) -> Payload {
        let (left, deadline, fault) = (self.limit, Box::pin(sleep(self.patience)), self.fault.clone());
        Payload::Stream { payload: Box::pin(Watched { payload, left, deadline, fault, connection }) }
    }

    /// A length that is announced is refused before a byte of it is read.
    ///
    /// # Errors
    /// It is too long.
    pub fn announced(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match length {
            Some(length) if usize::try_from(length).map_or(true, |length: usize| length > self.limit) => {
                Err(self.too_long(Some(length)))
            }
            _ => Ok(()),
        }
    }

    /// What was wrong with the body, however the handler put it.
    #[must_use]
    pub fn fault(&self) -> Option<Problem> {
        Some(match self.fault.get()? {
            Fault::Late => Problem::new(&kind::REQUEST_TIMEOUT)
                .detail(format!("The body had {:?} to arrive in whole.", self.patience)),
            Fault::Long => self.too_long(None),
        })
    }

    fn too_long(&self, announced: Option<u64>) -> Problem {
        let announced = announced.map(|length| format!("; {length} were announced")).unwrap_or_default();
        Problem::new(&kind::PAYLOAD_TOO_LARGE).detail(format!("At most {} bytes are read here{announced}.", self.limit))
    }
}

/// A body on its way in.
struct Watched {
    payload: Payload,
    left: usize,
    deadline: Pin<Box<Sleep>>,
    fault: Rc<Cell<Option<Fault>>>,
    /// Where it comes from, as long as there may be more of it.
    connection: Option<Connection>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.give_up_body();
        }
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(next) = Pin::new(&mut self.payload).poll_next(context) {
            if let Some(Ok(bytes)) = &next {
                let Some(left) = self.left.checked_sub(bytes.len()) else {
                    self.fault.set(Some(Fault::Long));
                    return Poll::Ready(Some(Err(PayloadError::Overflow)));
                };
                self.left = left;
            }
            if next.is_none() {
                self.connection = None;
            }
            return Poll::Ready(next);
        }
        ready!(self.deadline.as_mut().poll(context));
        self.fault.set(Some(Fault::Late));
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}
