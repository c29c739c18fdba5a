//! An answer on its way out: what is kept of it, and how it is given again. Must not know the key.

use super::{REPLAYED_HEADER, Streamed};
use crate::http::problem::Final;
use actix_web::body::{BodySize, BoxBody, MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{Error, HttpResponse};
use dispatch_pipeline::ports::idempotency::{LARGEST_KEPT, StoredAnswer};

/// What the connection says about itself, and what is made anew for every answer.
const NOT_KEPT: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::DATE, header::TRANSFER_ENCODING, REPLAYED_HEADER];

/// The answer unchanged, and what to keep of it: nothing of a fault of ours or of a rush (the same request may succeed
/// later), and nothing of what is too large.
pub(super) async fn keep(
    answer: ServiceResponse<BoxBody>,
) -> Result<(ServiceResponse<BoxBody>, Option<StoredAnswer>), Error> {
    let stream = answer.response().extensions().get::<Streamed>().map(|Streamed(id)| id.clone());
    if let Some(id) = stream {
        return Ok((answer, Some(StoredAnswer::Stream(id))));
    }
    let is_small = match answer.response().body().size() {
        BodySize::None => true,
        BodySize::Sized(length) => length <= LARGEST_KEPT as u64,
        BodySize::Stream => false,
    };
    if !is_small || !is_lasting(answer.status()) {
        return Ok((answer, None));
    }
    let mut read = Vec::new();
    let (request, answer) = answer.into_parts();
    let (answer, body) = answer.into_parts();
    read.extend_from_slice(&to_bytes(body).await.map_err(|_| actix_web::error::ErrorInternalServerError("no body"))?);
    let kept = |(name, value): (&HeaderName, &HeaderValue)| {
        (!NOT_KEPT.contains(name)).then(|| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).flatten()
    };
    let headers = answer.headers().iter().filter_map(kept).collect();
    let stored = StoredAnswer::Whole { status: answer.status().as_u16(), headers, body: read.clone() };
    Ok((ServiceResponse::new(request, answer.set_body(BoxBody::new(read))), Some(stored)))
}

/// Whether the same request would be answered the same way later.
fn is_lasting(status: StatusCode) -> bool {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !passing.contains(&status)
}

/// The answer that was given before.
pub(super) fn again(status: u16, headers: &[(String, String)], body: Vec<u8>) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    for (name, value) in headers {
        answer.append_header((name.as_str(), value.as_str()));
    }
    answer.insert_header((REPLAYED_HEADER, "true"));
    let mut answer = answer.body(body);
    answer.extensions_mut().insert(Final);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_about_the_request_is_not_kept() {
        for (status, kept) in [
            (StatusCode::OK, true),
            (StatusCode::CREATED, true),
            (StatusCode::NO_CONTENT, true),
            (StatusCode::BAD_REQUEST, true),
            (StatusCode::CONFLICT, true),
            (StatusCode::REQUEST_TIMEOUT, false),
            (StatusCode::TOO_MANY_REQUESTS, false),
            (StatusCode::INTERNAL_SERVER_ERROR, false),
            (StatusCode::SERVICE_UNAVAILABLE, false),
        ] {
            assert_eq!(is_lasting(status), kept, "{status}");
        }
    }
}
