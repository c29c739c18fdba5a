//! Who wrote or calls, as far as the share of authors goes. Unverified: it decides whose words answer, and nothing else. Must
//! not know which contract answers.

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::time::Duration;
use url::form_urlencoded;

/// How long the body of a webhook may take to arrive where its author decides who answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where Slack says who wrote: an edit says it within the message, a deletion within what was there.
const AUTHORS: [&str; 3] = ["/event/user", "/event/message/user", "/event/previous_message/user"];

/// Who calls, where a credential says so: never kept, only counted by.
pub(super) fn in_head(request: &ServiceRequest) -> Option<String> {
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
pub(super) async fn in_body(request: &mut ServiceRequest) -> Option<String> {
    let bytes = tokio::time::timeout(PATIENCE, request.extract::<Bytes>()).await.ok()?.ok()?;
    request.set_payload(Payload::from(bytes.clone()));
    author_of(&bytes)
}

/// Slack's user, or the number that texted.
fn author_of(body: &[u8]) -> Option<String> {
    let event: Option<Value> = serde_json::from_slice(body).ok();
    let user = event.and_then(|event| AUTHORS.iter().find_map(|at| Some(event.pointer(at)?.as_str()?.to_owned())));
    let from = || form_urlencoded::parse(body).find(|(name, _)| name == "From").map(|(_, value)| value.into_owned());
    user.or_else(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_edit_and_a_deletion_are_of_whoever_wrote_the_message() {
        for event in [
            json!({ "type": "message", "user": "U1" }),
            json!({ "subtype": "message_changed", "message": { "user": "U1" }, "previous_message": { "user": "U1" } }),
            json!({ "subtype": "message_deleted", "previous_message": { "user": "U1" } }),
        ] {
            let body = json!({ "event": event }).to_string();
            assert_eq!(author_of(body.as_bytes()).as_deref(), Some("U1"), "{body}");
        }
        assert_eq!(author_of(b"From=%2B14165550100&Body=hi").as_deref(), Some("+14165550100"));
        assert_eq!(author_of(b"{"), None);
    }
}
