//! Server-sent events (WHATWG HTML 9.2): a stream as it goes over the wire, and the place in it that a client names when it
//! comes back. Must not know what is told.

use super::problem::{self, Problem, ProblemField, kind};
use super::socket::{Connection, InHand};
use super::trace::TraceContext;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use dispatch_mission::ids::StreamId;
use dispatch_pipeline::ports::streams::{EventName, StreamEvent};
use dispatch_pipeline::streams::Followed;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use uuid::Uuid;

/// The media type of a stream.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// The header in which a client names the last event that it has.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies in nginx's tradition to pass on every byte as it comes.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// How long nothing may be said; proxies and phones end what is silent.
const SILENCE: Duration = Duration::from_secs(15);
/// What comes first: how long a client waits before it comes back, in ms.
const OPENING: &[u8] = b"retry: 2000\n\n";
/// A comment, which no client shows.
const HEARTBEAT: &[u8] = b": hb\n\n";

/// The answer that tells `followed`, event by event, until its end.
pub fn answer(request: &HttpRequest, followed: Followed) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type(MEDIA_TYPE).insert_header((CACHE_CONTROL, "no-store")).insert_header(UNBUFFERED);
    if request.method() == Method::HEAD {
        return answer.finish();
    }
    let stream = followed.stream_id();
    let connection = request.conn_data::<Connection>().cloned();
    let wire = Wire {
        stream,
        trace: request.extensions().get::<TraceContext>().cloned().unwrap_or_else(TraceContext::fresh),
        in_hand: connection.as_ref().map(Connection::take_in_hand),
        connection,
        followed,
        heartbeat: Box::pin(sleep(SILENCE)),
        is_open: false,
    };
    answer.streaming(wire)
}

/// One stream to one client.
struct Wire {
    stream: StreamId,
    trace: TraceContext,
    connection: Option<Connection>,
    /// As long as it is told the client may be silent.
    #[allow(dead_code)] // it counts by being there
    in_hand: Option<InHand>,
    followed: Followed,
    heartbeat: Pin<Box<Sleep>>,
    is_open: bool,
}

impl Stream for Wire {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.connection.as_ref().is_some_and(Connection::is_left) {
            return Poll::Ready(None);
        }
        if !self.is_open {
            self.is_open = true;
            return Poll::Ready(Some(Ok(Bytes::from_static(OPENING))));
        }
        let next = match self.followed.poll_next_unpin(context) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(event)) => self.written(&event),
            Poll::Pending if self.heartbeat.as_mut().poll(context).is_ready() => Bytes::from_static(HEARTBEAT),
            Poll::Pending => return Poll::Pending,
        };
        self.heartbeat.as_mut().reset(Instant::now() + SILENCE);
        Poll::Ready(Some(Ok(next)))
    }
}

impl Wire {
    /// JSON has no raw newline, so that one `data` line is enough.
    fn written(&self, event: &StreamEvent) -> Bytes {
        let (stream, seq, name) = (self.stream, event.seq, event.name.as_str());
        let data = match event.name {
            EventName::Error => self.problem(event),
            _ => serde_json::to_string(&event.data).unwrap_or_default(),
        };
        Bytes::from(format!("id: {stream}:{seq}\nevent: {name}\ndata: {data}\n\n"))
    }

    /// What is stored of a failure, as the problem that it would be as an answer.
    fn problem(&self, event: &StreamEvent) -> String {
        let text = |name: &str| event.data.get(name).and_then(Value::as_str);
        let kind = text("code").and_then(kind::of_code).unwrap_or(&kind::INTERNAL);
        let problem = text("detail").map_or_else(|| Problem::new(kind), |detail| Problem::new(kind).detail(detail));
        problem::as_event(&problem, &self.trace, &format!("/reason/stream/{}", self.stream))
    }
}

/// The number of the last event of `stream` that a client has: by its header, or else as `?after=`; 0 when it has none.
///
/// # Errors
/// 400 when it is no event of this stream.
pub fn last_event(request: &HttpRequest, stream: StreamId, after: Option<&str>) -> Result<u32, Problem> {
    let header = request.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let given = header.filter(|id| !id.is_empty()).or(after);
    let Some(given) = given else { return Ok(0) };
    let id = given.split_once(':').and_then(|(of, seq)| Some((Uuid::try_parse(of).ok()?, seq.parse::<u32>().ok()?)));
    match id {
        Some((of, seq)) if of == stream.0 => Ok(seq),
        _ => {
            let name = if header.is_some_and(|id| !id.is_empty()) { "Last-Event-ID" } else { "after" };
            let field = ProblemField::parameter(name, "must be the `id` of an event of this stream");
            Err(Problem::new(&kind::LAST_EVENT_ID_INVALID).errors(vec![field]))
        }
    }
}
