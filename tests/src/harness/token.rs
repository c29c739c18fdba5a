//! Bearer tokens as Supabase issues them, signed with the secret that every harness server is started with.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// `SUPABASE_JWT_SECRET` of every harness server.
pub const JWT_SECRET: &str = "a-secret-for-tests-of-at-least-32-bytes";

/// A token that is good for an hour.
///
/// # Panics
/// When the token cannot be signed.
#[must_use]
pub fn bearer() -> String {
    signed(json!({"sub": "staff-sam", "aud": "authenticated", "role": "authenticated"}))
}

/// The token of a trusted service, good for an hour.
///
/// # Panics
/// When the token cannot be signed.
#[must_use]
pub fn service_bearer() -> String {
    signed(json!({"role": "service_role", "iss": "supabase"}))
}

fn signed(mut claims: Value) -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    (claims["iat"], claims["exp"]) = (json!(now), json!(now + 3600));
    encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).expect("HS256 signs anything")
}
