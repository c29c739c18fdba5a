//! Unprefixed legacy paths: which of them there are, and the rewrite that the flag steers. Inside, without a redirect, for
//! webhook providers follow none; what was called is kept for whoever checks a signature over it. Must not know what either
//! contract answers.

mod author;

use super::operations;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use author::{in_body, in_head};
use dispatch_pipeline::helm::{Helm, contract};
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};
use dispatch_pipeline::ports::flip_watch::{Answered, UNSTEERED};
use std::time::Instant;

/// One legacy path, and where each contract answers it.
struct Legacy {
    path: &'static str,
    operations: &'static str,
    dispatch: &'static str,
    /// Whether its author stands in the body, and not in a credential.
    webhook: bool,
}

/// All of them. The legacy `/` is the old contract's under both.
static PATHS: [Legacy; 7] = [
    Legacy { path: "/classify", operations: "/operations/classify", dispatch: "/reason/classify", webhook: false },
    Legacy { path: "/chat", operations: "/operations/chat", dispatch: "/reason/query", webhook: false },
    Legacy { path: "/status", operations: "/operations/status", dispatch: "/observe/health", webhook: false },
    Legacy {
        path: "/webhooks/slack",
        operations: "/operations/webhooks/slack",
        dispatch: "/intake/slack",
        webhook: true,
    },
    Legacy {
        path: "/api/slack_webhook",
        operations: "/operations/webhooks/slack",
        dispatch: "/intake/slack",
        webhook: true,
    },
    Legacy { path: "/webhooks/sms", operations: "/operations/webhooks/sms", dispatch: "/intake/sms", webhook: true },
    Legacy { path: "/", operations: "/operations/", dispatch: "/operations/", webhook: false },
];

/// Where the old contract is the only one: no flag steers it.
const ROOT: &str = "/";
/// A second name under the prefix.
const SLACK_TOO: &str = "/operations/api/slack_webhook";

/// In the extensions of a rewritten request: what was called.
#[derive(Clone, Debug)]
struct Called {
    uri: Uri,
    path: &'static str,
}

/// The path and query as they were called: what a provider's signature is over.
#[must_use]
pub fn called(request: &HttpRequest) -> String {
    let rewritten = request.extensions().get::<Called>().map(|called| called.uri.clone());
    rewritten.as_ref().unwrap_or_else(|| request.uri()).path_and_query().map_or("/", PathAndQuery::as_str).to_owned()
}

/// The legacy path that was called, where one was: what logs and problems name.
#[must_use]
pub fn called_path(extensions: &Extensions) -> Option<&'static str> {
    extensions.get::<Called>().map(|called| called.path)
}

/// The middleware that rewrites: outside everything that looks at the route.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn steer<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let Some(helm) = request.app_data::<Data<Helm>>().cloned() else { return next.call(request).await };
    let Some(legacy) = PATHS.iter().find(|legacy| legacy.path == request.path()) else {
        let Some(route) = prefixed(request.path()) else { return next.call(request).await };
        return counted(request, next, &helm, unsteered(route)).await;
    };
    if legacy.path == ROOT {
        rewrite(&mut request, legacy, legacy.operations);
        return counted(request, next, &helm, unsteered(ROOT)).await;
    }
    let flag = helm.flag();
    let version = choose(&mut request, legacy, flag.steering).await;
    let target = match version {
        ApiVersion::Operations => legacy.operations,
        ApiVersion::Dispatch => legacy.dispatch,
    };
    rewrite(&mut request, legacy, target);
    let key = Answered { route: legacy.path, contract: version.as_str(), mark: flag.mark };
    counted(request, next, &helm, key).await
}

async fn counted<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    helm: &Helm,
    key: Answered,
) -> Result<ServiceResponse<B>, Error> {
    let begun = Instant::now();
    let answer = next.call(request).await?;
    helm.over().count(key, answer.status().is_server_error(), begun.elapsed());
    Ok(answer)
}

/// The old contract under its prefix, which is used as long as anybody calls it.
fn prefixed(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix(operations::PREFIX)?;
    let path = if rest.is_empty() { "/operations/" } else { path };
    PATHS.iter().map(|legacy| legacy.operations).chain([SLACK_TOO]).find(|known| *known == path)
}

/// What is counted, and judged by no guard.
fn unsteered(route: &'static str) -> Answered {
    Answered { route, contract: ApiVersion::Operations.as_str(), mark: UNSTEERED.to_owned() }
}

/// Which contract answers. While everybody goes one way nobody is looked at.
async fn choose(request: &mut ServiceRequest, legacy: &Legacy, steering: Steering) -> ApiVersion {
    if steering.shadow {
        return ApiVersion::Operations;
    }
    if steering.percent >= 100 {
        return steering.version;
    }
    let author = if legacy.webhook { in_body(request).await } else { in_head(request) };
    contract(steering, author.as_deref())
}

fn rewrite(request: &mut ServiceRequest, legacy: &'static Legacy, path: &'static str) {
    let called = request.uri().clone();
    let wanted = called.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = called.clone().into_parts();
    let Ok(wanted) = PathAndQuery::try_from(wanted) else { return };
    parts.path_and_query = Some(wanted);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    request.extensions_mut().insert(Called { uri: called, path: legacy.path });
}

/// What comes after the legacy path that was called, whichever contract answers it, or after a path under the prefix. Nothing
/// for what is no path of the old contract.
#[must_use]
pub fn successor(request: &HttpRequest) -> Option<&'static str> {
    let called = called_path(&request.extensions());
    let is_old = called.is_some() || operations::speaks(request);
    let path = called.or_else(|| request.path().strip_prefix(operations::PREFIX)).filter(|path| *path != ROOT);
    is_old.then(|| PATHS.iter().find(|legacy| Some(legacy.path) == path).map_or("/docs", |legacy| legacy.dispatch))
}
