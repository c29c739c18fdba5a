//! Credentials for tests: tokens signed with a shared secret, keys named for what they may, and a small staff.

use super::NOW;
use crate::http::auth::Credentials;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_identity::{BearerOptions, BearerTokens, Rules};
use dispatch_mission::clock::FixedClock;
use dispatch_mission::ids::StaffId;
use dispatch_mission::people::{Login, People, PeopleError, StaffMember, StaffRole};
use dispatch_pipeline::ports::api_keys::ApiKeyId;
use dispatch_pipeline::ports::identity::{KeyError, KeyHolder, KeyVerifier, Scope};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use uuid::uuid;

/// What tokens of tests are signed with.
const SECRET: &str = "a-secret-for-tests-of-at-least-32-bytes";

/// A wired door for those who prove who they are.
pub(crate) fn credentials() -> Credentials {
    let tokens = BearerTokens::new(BearerOptions {
        secret: Some(SECRET.into()),
        keys: None,
        rules: Rules { audience: "authenticated".into(), issuer: None },
        clock: Arc::new(FixedClock(NOW)),
    });
    Credentials { tokens: Arc::new(tokens), keys: Arc::new(FakeKeys), people: Arc::new(FakePeople) }
}

/// `Bearer` and the token of the person `subject`, good for ten minutes.
pub(crate) fn bearer_of(subject: &str) -> String {
    bearer(&json!({"sub": subject, "role": "authenticated", "aud": "authenticated"}))
}

/// `Bearer` and a token that says this, good for ten minutes unless it says otherwise.
pub(crate) fn bearer(claims: &Value) -> String {
    let mut claims = claims.clone();
    if claims.get("exp").is_none() {
        claims["exp"] = json!(NOW.unix_timestamp() + 600);
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "HS256"})), encode(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(signed.as_bytes());
    format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Keys named for their one scope (`dsp_missions`), one that was revoked, and one that cannot be looked up.
struct FakeKeys;

#[async_trait]
impl KeyVerifier for FakeKeys {
    async fn verify(&self, key: &str) -> Result<KeyHolder, KeyError> {
        let scope = match key.strip_prefix("dsp_") {
            Some("revoked") => return Err(KeyError::Revoked),
            Some("down") => return Err(KeyError::Unavailable("connection refused".into())),
            name => name.and_then(Scope::parse).ok_or(KeyError::Unknown)?,
        };
        let key_id = ApiKeyId(uuid!("01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e"));
        Ok(KeyHolder { key_id, scopes: [scope].into_iter().collect() })
    }
}

/// `user-1` is of the operations; who is named for a role has it; `down` cannot be looked up; nobody else is staff.
struct FakePeople;

#[async_trait]
impl People for FakePeople {
    async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError> {
        let role = match login.subject.as_str() {
            "down" => return Err(PeopleError("connection refused".into())),
            "user-1" => Some(StaffRole::Operations),
            name => StaffRole::parse(name),
        };
        Ok(role.map(|role| StaffMember { staff_id: StaffId(login.subject.clone()), role }))
    }
}
