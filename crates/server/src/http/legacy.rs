//! Unprefixed legacy paths: which of them there are, and the rewrite that the flag steers. Inside, without a redirect, for
//! webhook providers follow none; what was called is kept for whoever checks a signature over it. Must not know what either
//! contract answers.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_pipeline::helm::{Helm, contract};
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};
use dispatch_pipeline::ports::flip_watch::Answered;
use serde_json::Value;
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// One legacy path, and where each contract answers it.
struct Legacy {
    path: &'static str,
    operations: &'static str,
    dispatch: &'static str,
    /// Whether its author stands in the body, and not in a credential.
    webhook: bool,
}

/// All of them. The legacy `/` answers under both.
const PATHS: [Legacy; 7] = [
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

/// How long the body of a webhook may take to arrive where its author decides who answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// In the extensions of a rewritten request: what was called.
#[derive(Clone, Debug)]
struct Called(Uri);

/// The path and query as they were called: what a provider's signature is over.
#[must_use]
pub fn called(request: &HttpRequest) -> String {
    let rewritten = request.extensions().get::<Called>().map(|called| called.0.clone());
    rewritten.as_ref().unwrap_or_else(|| request.uri()).path_and_query().map_or("/", PathAndQuery::as_str).to_owned()
}

/// The middleware that rewrites: outside everything that looks at the route.
///
/// # Errors
/// Only what an inner middleware failed with before there was an answer.
pub async fn steer<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let Some(legacy) = PATHS.iter().find(|legacy| legacy.path == request.path()) else {
        return next.call(request).await;
    };
    let Some(helm) = request.app_data::<Data<Helm>>().cloned() else { return next.call(request).await };
    let flag = helm.flag();
    let version = choose(&mut request, legacy, flag.steering).await;
    let target = match version {
        ApiVersion::Operations => legacy.operations,
        ApiVersion::Dispatch => legacy.dispatch,
    };
    rewrite(&mut request, target);
    let begun = Instant::now();
    let answer = next.call(request).await?;
    let key = Answered { route: legacy.path, contract: version.as_str(), mark: flag.mark };
    helm.over().count(key, answer.status().is_server_error(), begun.elapsed());
    Ok(answer)
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

/// Who calls, where a credential says so: never kept, only counted by.
fn in_head(request: &ServiceRequest) -> Option<String> {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let credential = header("authorization").or_else(|| header("x-api-key"));
    credential
        .map(|credential| subject(&credential).unwrap_or(credential))
        .or_else(|| Some(request.peer_addr()?.ip().to_string()))
}

/// Whom a token is about, unverified: who gets a new one every hour stays where he is.
fn subject(credential: &str) -> Option<String> {
    let claims = credential.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}

/// Who wrote, in a body that nobody has verified yet: it decides about the words of the answer, and nothing else.
async fn in_body(request: &mut ServiceRequest) -> Option<String> {
    let bytes = tokio::time::timeout(PATIENCE, request.extract::<Bytes>()).await.ok()?.ok()?;
    request.set_payload(Payload::from(bytes.clone()));
    let event: Option<Value> = serde_json::from_slice(&bytes).ok();
    let user = event.as_ref().and_then(|body| body.pointer("/event/user")).and_then(Value::as_str);
    let from = || form_urlencoded::parse(&bytes).find(|(name, _)| name == "From").map(|(_, value)| value.into_owned());
    user.map(str::to_owned).or_else(from)
}

fn rewrite(request: &mut ServiceRequest, path: &'static str) {
    let called = request.uri().clone();
    let wanted = called.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = called.clone().into_parts();
    let Ok(wanted) = PathAndQuery::try_from(wanted) else { return };
    parts.path_and_query = Some(wanted);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    request.extensions_mut().insert(Called(called));
}

/// Where each legacy path is answered for good.
#[must_use]
pub fn successor(operations: &str) -> &'static str {
    let path = operations.strip_prefix("/operations").filter(|path| *path != "/");
    PATHS.iter().find(|legacy| Some(legacy.path) == path).map_or("/docs", |legacy| legacy.dispatch)
}
