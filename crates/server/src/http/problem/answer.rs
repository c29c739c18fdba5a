//! A problem on its way out: rendered, and its whole chain logged, once. Must not know which errors there are.

use super::{Problem, ProblemBody, kind};
use crate::http::trace::TraceContext;
use crate::http::{legacy, operations};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header;
use actix_web::{HttpMessage as _, HttpResponse, ResponseError};
use std::error::Error as StdError;

/// Where the kinds of problems are named; the code follows.
pub const TYPE_BASE: &str = "https://dispatch.archieos.com/problems/";
/// The media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    fn body(&self, trace: &TraceContext, instance: Option<&str>) -> ProblemBody {
        ProblemBody {
            kind: format!("{TYPE_BASE}{}", self.0.kind.code),
            title: self.0.kind.title,
            status: self.0.kind.status,
            detail: self.0.detail.clone(),
            instance: instance.map(str::to_owned),
            code: self.0.kind.code,
            trace_id: trace.trace_id().to_owned(),
            event_id: self.0.event_id.clone(),
            retryable: self.0.kind.retryable,
            errors: self.0.errors.clone(),
            checks: self.0.checks.clone(),
        }
    }

    /// The complete answer.
    #[must_use]
    pub fn render(&self, trace: &TraceContext, instance: Option<&str>) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        for (name, value) in &self.0.headers {
            answer.insert_header((name, value));
        }
        if matches!(self.0.kind.status, 408 | 413) {
            // The rest of the request may still come, or never; it is not waited for, nor read as the next one.
            answer.force_close();
        }
        // `json` keeps a content type that is already set.
        answer.content_type(MEDIA_TYPE).json(self.body(trace, instance))
    }

    /// The same for clients of the old contract: as FastAPI said what is wrong.
    fn render_old(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        for (name, value) in &self.0.headers {
            answer.insert_header((name, value));
        }
        if matches!(self.0.kind.status, 408 | 413) {
            answer.force_close();
        }
        let words = match self.0.kind.status {
            // The framework's own, which it said before anything of ours.
            404 => "Not Found",
            405 => "Method Not Allowed",
            _ => self.0.detail.as_deref().unwrap_or(self.0.kind.title),
        };
        answer.json(operations::error_body(words))
    }

    /// Writes it to the log where no answer does: in the middle of a stream.
    pub fn note(&self) {
        self.log();
    }

    /// Writes the whole chain to the log, which is the only place that sees it.
    fn log(&self) {
        let (code, detail) = (self.0.kind.code, self.0.detail.as_deref().unwrap_or_default());
        let chain = self.0.cause.as_deref().map(|cause| chain(cause)).unwrap_or_default();
        match self.0.kind.status {
            // Asked every second by a load balancer while a server stops or waits for its database.
            _ if *self.0.kind == kind::NOT_READY => tracing::debug!(code, detail, "not ready"),
            500.. => tracing::error!(code, detail, cause = chain, "answered with a problem"),
            401 | 403 => tracing::warn!(code, detail, cause = chain, "refused"),
            // The line of the access log says enough about a request that was simply wrong.
            _ => tracing::debug!(code, detail, cause = chain, "answered with a problem"),
        }
    }
}

pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

/// A problem in the middle of a stream, as one line of JSON. Whoever wrote it down has logged it.
pub fn as_event(problem: &Problem, trace: &TraceContext, instance: &str) -> String {
    serde_json::to_string(&problem.body(trace, Some(instance))).unwrap_or_default()
}

/// In the extensions of an answer that stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct Final;

/// Makes a problem of every answer that is an error, whoever gave it, and logs it. Once: what is finished stays so.
pub fn finish<B: MessageBody>(response: ServiceResponse<B>, trace: &TraceContext) -> ServiceResponse<EitherBody<B>> {
    let is_final = response.response().extensions().contains::<Final>();
    if is_final || !response.status().is_client_error() && !response.status().is_server_error() {
        return response.map_into_left_body();
    }
    let called = legacy::called_path(&response.request().extensions());
    let instance = called.unwrap_or_else(|| response.request().path()).to_owned();
    let is_old = operations::speaks(response.request());
    let render = |problem: &Problem| {
        problem.log();
        if is_old { problem.render_old() } else { problem.render(trace, Some(&instance)) }
    };
    let ours = response.response().error().and_then(|error| error.as_error::<Problem>());
    let answer = if let Some(problem) = ours { render(problem) } else { render(&of_framework(&response)) };
    let mut finished = response.into_response(answer);
    finished.response_mut().extensions_mut().insert(Final);
    finished.map_into_right_body()
}

/// An error that actix or a library answered with: its status says what it is, its words stay inside.
fn of_framework<B>(response: &ServiceResponse<B>) -> Problem {
    let mut problem = Problem::new(kind::of_status(response.status().as_u16()));
    if let Some(error) = response.response().error() {
        problem = problem.because(error.to_string());
    }
    match response.headers().get(header::ALLOW) {
        Some(allow) => problem.header(header::ALLOW, allow.clone()),
        None => problem,
    }
}
