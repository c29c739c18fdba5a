//! Bearer tokens as Supabase issues them, signed with the secret that every harness server is started with.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use time::OffsetDateTime;

/// `SUPABASE_JWT_SECRET` of every harness server.
pub const JWT_SECRET: &str = "a-secret-for-tests-of-at-least-32-bytes";

/// A token that is good for an hour.
///
/// # Panics
/// When the token cannot be signed.
#[must_use]
pub fn bearer() -> String {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claims =
        json!({"sub": "staff-sam", "aud": "authenticated", "role": "authenticated", "iat": now, "exp": now + 3600});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).expect("HS256 signs anything")
}
