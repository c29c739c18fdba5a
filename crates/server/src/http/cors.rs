//! Which sites' pages may read answers (the Fetch standard's CORS protocol). Credentials of a browser are never allowed:
//! callers carry tokens. Must not know who calls.

use crate::config::Origin;
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "Authorization, X-API-Key, Content-Type, Idempotency-Key, Last-Event-ID, traceparent, tracestate";
const EXPOSED: &str = "Dispatch-Trace-Id, Dispatch-Event-Id, Dispatch-Status, Dispatch-Timestamp, \
     Idempotent-Replayed, Location, Retry-After, WWW-Authenticate, Allow, Deprecation, Sunset, Link";
/// Browsers cap it themselves; an origin that is taken off the list is gone within this.
const MAX_AGE: &str = "600";

/// The sites that may.
pub struct Cors {
    origins: Vec<Origin>,
}

/// A page that asks, and what it is told about its origin; `None` when it is not on the list.
pub struct Asked(Option<HeaderValue>);

impl Cors {
    /// These.
    #[must_use]
    pub fn new(origins: &[Origin]) -> Self {
        Self { origins: origins.to_vec() }
    }

    /// Which page asks; nobody where there is nothing to tell: no list, or a webhook, which no page calls.
    #[must_use]
    pub fn asked(&self, request: &ServiceRequest) -> Option<Asked> {
        let path = request.path();
        let webhook = path.strip_prefix("/dispatch").unwrap_or(path).starts_with("/intake/");
        (!self.origins.is_empty() && !webhook).then(|| Asked(self.allow(request.headers())))
    }

    /// Whether the page that sends these is listed.
    #[must_use]
    pub fn lists(&self, headers: &HeaderMap) -> bool {
        self.allow(headers).is_some()
    }

    fn allow(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.contains(&Origin::Any) {
            return Some(HeaderValue::from_static("*"));
        }
        let mut given = headers.get_all(ORIGIN);
        // Browsers send one; two cannot both be told.
        let origin = given.next().filter(|_| given.next().is_none())?;
        self.is_listed(origin.to_str().ok()?).then(|| origin.clone())
    }

    fn is_listed(&self, asking: &str) -> bool {
        self.origins.iter().any(|origin| match origin {
            Origin::Any => true,
            Origin::Exact(exact) => exact == asking,
            Origin::Below { scheme, suffix } => {
                let names = asking.strip_prefix(scheme.as_str()).and_then(|rest| rest.strip_suffix(suffix.as_str()));
                // Names only: a port, a user or a path before the suffix would make it another host.
                names.is_some_and(|names| {
                    names.split('.').all(|name| {
                        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    })
                })
            }
        })
    }

    /// The answer to a browser that asks before it sends. One that is not on the list gets what any OPTIONS gets: a refusal
    /// without the headers that would let it go on.
    #[must_use]
    pub fn preflight(&self, request: &ServiceRequest, asked: Option<&Asked>) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        (asks && asked?.0.is_some()).then(|| {
            HttpResponse::NoContent()
                .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
                .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
                .finish()
        })
    }

    /// Adds to an answer, good or bad, what its page needs to read it.
    pub fn label(&self, headers: &mut HeaderMap, asked: Option<&Asked>) {
        let Some(Asked(allowed)) = asked else { return };
        if !self.origins.contains(&Origin::Any) {
            // Whoever keeps the answer must not show it to another page.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_names_and_for_nothing_else() {
        let cors = Cors::new(&[
            Origin::Exact("https://app.example".into()),
            Origin::Below { scheme: "https://".into(), suffix: ".pages.example".into() },
        ]);
        for listed in ["https://app.example", "https://a.pages.example", "https://a-1.b.pages.example"] {
            assert!(cors.is_listed(listed), "{listed}");
        }
        for other in [
            "https://App.example",
            "http://app.example",
            "https://app.example:444",
            "https://app.example.evil.example",
            "https://pages.example",
            "https://.pages.example",
            "https://evilpages.example",
            "http://a.pages.example",
            "https://a.pages.example:444",
            "https://a.pages.example.evil.example",
            "https://evil.example/.pages.example",
            "https://u@a.pages.example",
            "https://evil.example:1.pages.example",
            "https://a..pages.example",
            "null",
            "",
        ] {
            assert!(!cors.is_listed(other), "{other}");
        }
    }
}
