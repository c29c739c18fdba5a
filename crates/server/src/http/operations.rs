//! `/operations/*`: the contract of Operations Center, over the same use cases as the new one. Shapes stay as old clients know
//! them; what was broken there (forged requests, lost messages, text that is no JSON) is not brought back. Must not know what a
//! use case does.

mod body;
pub mod chat;
pub mod classify;
pub mod contract;
pub mod root;
mod shadow;
pub mod slack;
pub mod sms;
pub mod status;

use super::legacy;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, LINK};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Where all of it is.
pub const PREFIX: &str = "/operations";

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
const UNBUFFERED: (&str, &str) = ("X-Accel-Buffering", "no");

/// Since when the old contract is deprecated, and when it may go at the earliest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // said above
pub struct Farewell {
    pub deprecated: OffsetDateTime,
    pub sunset: OffsetDateTime,
}

/// Whether a request is answered by the old contract, also where the flag sent it there.
#[must_use]
pub fn speaks(request: &HttpRequest) -> bool {
    request.path().strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The middleware of all these paths, and of the unprefixed ones whichever contract answers: each answer says that its path is
/// deprecated (RFC 9745), until when it is there (RFC 8594), and what comes after it.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn farewell<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let dates = request.app_data::<Data<Farewell>>().map(|dates| ***dates);
    let mut answer = next.call(request).await?;
    let successor = legacy::successor(answer.request());
    if let (Some(dates), Some(successor)) = (dates, successor) {
        let successor = format!("<{successor}>; rel=\"successor-version\"");
        let sunset = dates.sunset.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT");
        for (name, value) in
            [(DEPRECATION, format!("@{}", dates.deprecated.unix_timestamp())), (SUNSET, sunset), (LINK, successor)]
        {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
    }
    Ok(answer)
}

/// An error as FastAPI told it.
#[must_use]
pub fn error_body(detail: &str) -> Value {
    json!({ "detail": detail })
}

/// The one event that the old streams had, and their end.
fn told(data: &Value) -> HttpResponse {
    streamed(format!("data: {data}\n\ndata: [DONE]\n\n"))
}

/// What the old streams said instead: JSON, where it once was Python's way to print.
fn untold(error: &str) -> HttpResponse {
    streamed(format!("data: {}\n\n", json!({ "error": error })))
}

fn streamed(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(UNBUFFERED)
        .body(text)
}
