//! W3C trace context of every request, the access log, and the place where errors get their final shape.
//! Must not log query strings, bodies or credentials.

use super::{legacy, problem};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// The header that carries the trace id of every answer.
pub const TRACE_HEADER: HeaderName = HeaderName::from_static("dispatch-trace-id");

/// The trace that a request belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceContext {
    trace_id: String,
}

impl TraceContext {
    /// A trace that starts here.
    #[must_use]
    pub fn fresh() -> Self {
        Self { trace_id: Uuid::now_v7().simple().to_string() }
    }

    /// The trace that a `traceparent` header continues; `None` when it is not a valid one.
    #[must_use]
    pub fn of(traceparent: &str) -> Option<Self> {
        let mut fields = traceparent.trim().split('-');
        let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let valid = is_hex(version, 2)
            && version != "ff"
            && is_hex(trace, 32)
            && is_hex(parent, 16)
            && is_hex(flags, 2)
            && !all_zero(trace)
            && !all_zero(parent)
            // Version 00 has exactly four fields; a later one may add some.
            && (version != "00" || fields.next().is_none());
        valid.then(|| Self { trace_id: trace.to_owned() })
    }

    fn of_headers(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all("traceparent");
        // Two headers are as good as none: there is no telling which one to believe.
        let one = given.next().filter(|_| given.next().is_none());
        one.and_then(|value| Self::of(value.to_str().ok()?)).unwrap_or_else(Self::fresh)
    }

    /// 32 lower-case hex digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn all_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

impl FromRequest for TraceContext {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().cloned().unwrap_or_else(Self::fresh)))
    }
}

/// The outermost middleware: gives the request its trace, logs one line, and finishes errors as problems.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn trace<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let context = TraceContext::of_headers(request.headers());
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    // The pattern, never the path: a path may hold a person's id.
    let pattern = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    // Of a legacy path what was called, and what the flag has made of it.
    let called = legacy::called_path(&request.extensions());
    let served_by = called.is_some().then(|| pattern.clone());
    let (route, served_by) = (called.map_or(pattern, str::to_owned), served_by.as_deref());
    let span = tracing::info_span!("request", trace_id = context.trace_id(), %method, route, served_by);
    let began = Instant::now();
    let answered = next.call(request).instrument(span.clone()).await;
    let mut response = span.in_scope(|| answered.map(|response| problem::finish(response, &context)))?;
    if let Ok(value) = HeaderValue::from_str(context.trace_id()) {
        response.headers_mut().insert(TRACE_HEADER, value);
    }
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    // The line carries what the span knows itself: reading it back out of the span costs as much as writing the line.
    tracing::info!(parent: None, trace_id = context.trace_id(), %method, route, served_by, status, took_us, "answered");
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_valid_contexts_are_continued() {
        let valid = [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-adds"),
        ];
        for header in valid {
            assert_eq!(TraceContext::of(&header).expect("valid").trace_id(), TRACE, "{header}");
        }
        let upper = TRACE.to_uppercase();
        let invalid = [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{upper}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            "00-é-00f067aa0ba902b7-01".to_owned(),
        ];
        for header in invalid {
            assert_eq!(TraceContext::of(&header), None, "{header}");
        }
    }

    #[test]
    fn a_fresh_trace_is_a_valid_one() {
        let fresh = TraceContext::fresh();
        assert!(is_hex(fresh.trace_id(), 32) && !all_zero(fresh.trace_id()));
    }
}
