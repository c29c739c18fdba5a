//! `TokenVerifier`: which key may check this token, and what it must say. Must not know how keys are fetched.

use crate::claims::{Claims, Proof, Rules};
use crate::jwks::Jwks;
use crate::jwt::{Algorithm, Jwt};
use async_trait::async_trait;
use dispatch_mission::clock::Clock;
use dispatch_pipeline::ports::identity::{TokenError, TokenHolder, TokenVerifier};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// With what tokens are checked. Without secret and keys none counts.
pub struct BearerOptions {
    /// The secret of HS256 tokens.
    pub secret: Option<SecretString>,
    /// The published keys of RS256 and ES256 tokens.
    pub keys: Option<Jwks>,
    /// What every token must say.
    pub rules: Rules,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Checks bearer tokens.
pub struct BearerTokens {
    secret: Option<hmac::Key>,
    keys: Option<Jwks>,
    rules: Rules,
    clock: Arc<dyn Clock>,
}

impl BearerTokens {
    /// By these options.
    #[must_use]
    pub fn new(options: BearerOptions) -> Self {
        let key = |secret: SecretString| hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self { secret: options.secret.map(key), keys: options.keys, rules: options.rules, clock: options.clock }
    }

    /// Which kind of key signed the token. The algorithm that it names decides which kind is tried, and no other is.
    async fn prove(&self, jwt: &Jwt<'_>) -> Result<Proof, TokenError> {
        let (good, proof) = if jwt.algorithm == Algorithm::Hs256 {
            let secret = self.secret.as_ref().ok_or(TokenError::Algorithm)?;
            (hmac::verify(secret, jwt.signed.as_bytes(), &jwt.signature).is_ok(), Proof::SharedSecret)
        } else {
            let keys = self.keys.as_ref().ok_or(TokenError::Algorithm)?;
            let key = keys.find(jwt.algorithm, jwt.kid.as_deref()).await?;
            (key.verify(jwt.signed, &jwt.signature), Proof::PublishedKey)
        };
        if good { Ok(proof) } else { Err(TokenError::Signature) }
    }
}

#[async_trait]
impl TokenVerifier for BearerTokens {
    async fn verify(&self, token: &str) -> Result<TokenHolder, TokenError> {
        let jwt = Jwt::split(token)?;
        let proof = self.prove(&jwt).await?;
        self.rules.accept(jwt.claims::<Claims>()?, proof, self.clock.now())
    }
}
