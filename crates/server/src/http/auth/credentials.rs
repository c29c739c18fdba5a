//! What a request carries to prove who sends it: a bearer token, or an API key in the same place or in `X-API-Key`. Must
//! not know how either is checked.

use crate::http::caller::Caller;
use crate::http::problem::{Problem, kind};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use dispatch_mission::people::{Login, People};
use dispatch_pipeline::ports::identity::{KeyError, KeyVerifier, TokenError, TokenHolder, TokenVerifier};
use std::sync::Arc;

/// For tools that cannot send `Authorization`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What an API key begins with; everything else is a token.
const KEY_MARK: &str = "dsp_";
/// How soon to ask again when credentials cannot be checked.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Everything that tells callers apart.
#[derive(Clone)]
pub struct Credentials {
    /// Checks tokens.
    pub tokens: Arc<dyn TokenVerifier>,
    /// Checks API keys.
    pub keys: Arc<dyn KeyVerifier>,
    /// Says who of the staff a person is.
    pub people: Arc<dyn People>,
}

impl Credentials {
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let credential = sent(headers)?;
        if credential.starts_with(KEY_MARK) {
            let holder = self.keys.verify(credential).await.map_err(of_key)?;
            return Ok(Caller::key(holder.key_id, holder.scopes));
        }
        match self.tokens.verify(credential).await.map_err(of_token)? {
            TokenHolder::Service => Ok(Caller::service()),
            TokenHolder::User { subject, email } => {
                let login = Login { subject, email };
                let staff = self.people.staff_by_login(&login).await.map_err(unavailable)?;
                Ok(Caller::user(&login.subject, staff))
            }
        }
    }
}

/// The one credential that was sent. Of two nobody could say which was meant.
fn sent(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).chain(headers.get_all(API_KEY));
    let one = sent.next().ok_or_else(missing)?;
    if sent.next().is_some() {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_request\"");
        let problem = Problem::new(&kind::BAD_REQUEST).detail("Send one credential, not several.");
        return Err(problem.header(header::WWW_AUTHENTICATE, challenge));
    }
    let text = one.to_str().map_err(|_| missing())?.trim();
    if headers.contains_key(API_KEY) {
        // Nothing but a key belongs there.
        return text.starts_with(KEY_MARK).then_some(text).ok_or_else(|| of_key(KeyError::Unknown));
    }
    match text.split_once(' ') {
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => Ok(credential.trim()),
        _ => Err(missing()),
    }
}

fn missing() -> Problem {
    unauthenticated("Bearer", "Send `Authorization: Bearer` with a token or an API key, or `X-API-Key` with a key.")
}

fn unauthenticated(challenge: &'static str, detail: &str) -> Problem {
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(&kind::AUTHENTICATION_REQUIRED).detail(detail).header(header::WWW_AUTHENTICATE, challenge)
}

fn of_token(error: TokenError) -> Problem {
    match error {
        TokenError::Unavailable(_) => Problem::new(&kind::AUTHENTICATION_UNAVAILABLE)
            .detail(error.to_string())
            .header(header::RETRY_AFTER, RETRY_AFTER)
            .because(error),
        refused => unauthenticated("Bearer error=\"invalid_token\"", &refused.to_string()),
    }
}

fn of_key(error: KeyError) -> Problem {
    match error {
        KeyError::Unavailable(_) => unavailable(error),
        refused => unauthenticated("Bearer error=\"invalid_token\"", &refused.to_string()),
    }
}

fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Problem {
    Problem::new(&kind::DATABASE_UNAVAILABLE).header(header::RETRY_AFTER, RETRY_AFTER).because(cause)
}
