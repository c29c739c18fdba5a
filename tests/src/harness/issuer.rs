//! An issuer of tokens that is ours: publishes its keys, changes them, and signs as Supabase does.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const RSA_PEM: &str = include_str!("../../../crates/adapters/identity/tests/data/rsa.pem");
const RSA_JWK: &str = include_str!("../../../crates/adapters/identity/tests/data/rsa.json");

/// One key of the issuer's.
pub struct IssuerKey {
    header: Header,
    private: EncodingKey,
    public: Value,
}

impl IssuerKey {
    /// The RSA key, for RS256.
    ///
    /// # Panics
    /// Never: the key is there.
    #[must_use]
    pub fn rsa(kid: &str) -> Self {
        let der: String = RSA_PEM.lines().filter(|line| !line.starts_with('-')).collect();
        let private = EncodingKey::from_rsa_der(&STANDARD.decode(der).expect("base64"));
        Self::named(kid, Algorithm::RS256, private, serde_json::from_str(RSA_JWK).expect("JSON"))
    }

    /// A fresh key on P-256, for ES256.
    ///
    /// # Panics
    /// When the machine has no random numbers.
    #[must_use]
    pub fn ec(kid: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &SystemRandom::new()).expect("a key");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let public = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
        Self::named(kid, Algorithm::ES256, EncodingKey::from_ec_der(pkcs8.as_ref()), public)
    }

    fn named(kid: &str, algorithm: Algorithm, private: EncodingKey, mut public: Value) -> Self {
        public["kid"] = json!(kid);
        Self { header: Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }, private, public }
    }

    /// The token of the person `subject`, good for an hour.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn token(&self, subject: &str) -> String {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let claims =
            json!({"sub": subject, "aud": "authenticated", "role": "authenticated", "iat": now, "exp": now + 3600});
        encode(&self.header, &claims, &self.private).expect("signed")
    }
}

struct Published(Arc<Mutex<Vec<Value>>>);

impl Respond for Published {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({"keys": *self.0.lock().expect("no holder panics")}))
    }
}

/// The issuer's key set, over HTTP.
pub struct Issuer {
    server: MockServer,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Issuer {
    /// Listens on loopback, and publishes these keys.
    pub async fn start(keys: &[&IssuerKey]) -> Self {
        let server = MockServer::start().await;
        let issuer = Self { keys: Arc::default(), server };
        Mock::given(path("/jwks.json")).respond_with(Published(issuer.keys.clone())).mount(&issuer.server).await;
        issuer.publish(keys);
        issuer
    }

    /// The value for `JWKS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/jwks.json", self.server.uri())
    }

    /// From now on these are the keys.
    ///
    /// # Panics
    /// Never.
    pub fn publish(&self, keys: &[&IssuerKey]) {
        *self.keys.lock().expect("no holder panics") = keys.iter().map(|key| key.public.clone()).collect();
    }

    /// How often the key set was fetched.
    ///
    /// # Panics
    /// Never: requests are recorded.
    pub async fn fetched(&self) -> usize {
        self.server.received_requests().await.expect("recorded").len()
    }
}
