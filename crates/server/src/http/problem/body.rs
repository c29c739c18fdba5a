//! The problem as clients read it (RFC 9457 with Dispatch's extensions). Must not know inner errors.

use crate::http::observe::HealthCheck;
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, in one shape for every answer that is not 2xx (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "https://dispatch.archieos.com/problems/mission_not_found", "title": "No mission has this id",
    "status": 404, "instance": "/missions/none", "code": "mission_not_found",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "retryable": false,
}))]
pub struct ProblemBody {
    /// A stable URI that names the kind of problem; it ends in `code`.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub kind: String,
    /// What the kind means; the same text for every problem of the kind.
    pub title: &'static str,
    /// The HTTP status, once more.
    #[schema(format = Int32)]
    pub status: u16,
    /// What is wrong in this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instance: Option<String>,
    /// The stable name of the kind; what a client branches on.
    pub code: &'static str,
    /// W3C trace id of the request; quote it when you ask for help.
    pub trace_id: String,
    /// The event concerned, once one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub event_id: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Each wrong field or parameter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ProblemField>,
    /// The checks behind a failed health answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub checks: Vec<HealthCheck>,
}

/// One wrong field of a body, or one wrong parameter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Name of the query or path parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl ProblemField {
    /// About a query or path parameter.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.to_owned()), detail: detail.into() }
    }

    /// About a place in the body.
    pub fn pointer(pointer: &str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.to_owned()), parameter: None, detail: detail.into() }
    }
}
