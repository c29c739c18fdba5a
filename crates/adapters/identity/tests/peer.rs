//! `BearerTokens` against `jsonwebtoken` as a peer, with key sets over HTTP: what it signs counts, what it refuses is
//! refused, and no algorithm can be talked into another's key.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dispatch_identity::{BearerOptions, BearerTokens, HttpKeys, Jwks, Rules};
use dispatch_mission::clock::SystemClock;
use dispatch_outbound::{Outbound, OutboundOptions, Url, authority};
use dispatch_pipeline::ports::identity::{TokenError, TokenHolder, TokenVerifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRET: &str = "a-secret-for-tests-of-at-least-32-bytes";

/// An issuer with one key of each kind.
struct Issuer {
    rsa: EncodingKey,
    ec: EncodingKey,
    ec_jwk: Value,
}

impl Issuer {
    fn new() -> Self {
        let pem = include_str!("data/rsa.pem").lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let rsa = EncodingKey::from_rsa_der(&STANDARD.decode(pem).expect("base64"));
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &SystemRandom::new()).expect("a key");
        let point = pair.public_key().as_ref();
        let ec_jwk = json!({"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
        Self { rsa, ec: EncodingKey::from_ec_der(pkcs8.as_ref()), ec_jwk }
    }

    fn rsa_jwk() -> Value {
        let mut jwk: Value = serde_json::from_str(include_str!("data/rsa.json")).expect("JSON");
        jwk["kid"] = json!("rsa");
        jwk
    }

    fn sign(&self, header: &Header) -> String {
        let key = match header.alg {
            Algorithm::RS256 => &self.rsa,
            Algorithm::ES256 => &self.ec,
            _ => &EncodingKey::from_secret(SECRET.as_bytes()),
        };
        encode(header, &claims(), key).expect("signed")
    }
}

fn claims() -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    json!({"sub": "u-1", "aud": "authenticated", "role": "authenticated", "iat": now, "exp": now + 600})
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

/// Tokens checked with the shared secret and the keys at a URL that answers with this.
async fn over(secret: Option<&str>, answer: ResponseTemplate) -> (BearerTokens, MockServer) {
    let server = MockServer::start().await;
    Mock::given(path("/jwks.json")).respond_with(answer).mount(&server).await;
    let url: Url = format!("{}/jwks.json", server.uri()).parse().expect("a URL");
    let allow = authority(&url).into_iter().collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() }).expect("a client");
    (tokens(secret, Some(Jwks::new(HttpKeys { outbound, url }))), server)
}

fn tokens(secret: Option<&str>, keys: Option<Jwks>) -> BearerTokens {
    BearerTokens::new(BearerOptions {
        secret: secret.map(Into::into),
        keys,
        rules: Rules { audience: "authenticated".into(), issuer: None },
        clock: Arc::new(SystemClock),
    })
}

fn set(keys: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"keys": keys}))
}

#[tokio::test]
async fn what_the_peer_signs_counts_and_what_it_refuses_does_not() {
    let issuer = Issuer::new();
    let (tokens, _server) = over(Some(SECRET), set(&[Issuer::rsa_jwk(), issuer.ec_jwk.clone()])).await;
    for (algorithm, kid) in [(Algorithm::HS256, None), (Algorithm::RS256, Some("rsa")), (Algorithm::ES256, Some("ec"))]
    {
        let token = issuer.sign(&header(algorithm, kid));
        let holder = tokens.verify(&token).await.expect("counts");
        assert_eq!(holder, TokenHolder::User { subject: "u-1".into(), email: None }, "{algorithm:?}");
        // Every single letter changed, one after the other: the peer is the measure.
        let key = match algorithm {
            Algorithm::HS256 => DecodingKey::from_secret(SECRET.as_bytes()),
            Algorithm::RS256 => {
                DecodingKey::from_jwk(&serde_json::from_value(Issuer::rsa_jwk()).expect("a key")).expect("RSA")
            }
            _ => DecodingKey::from_jwk(&serde_json::from_value(issuer.ec_jwk.clone()).expect("a key")).expect("EC"),
        };
        let mut rules = Validation::new(algorithm);
        rules.set_audience(&["authenticated"]);
        for at in (0..token.len()).step_by(7) {
            let letter = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let altered = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            let peer = decode::<Value>(&altered, &key, &rules).is_ok();
            assert_eq!(tokens.verify(&altered).await.is_ok(), peer, "{algorithm:?} letter {at}");
            assert!(!peer, "{algorithm:?} letter {at}");
        }
    }
}

#[tokio::test]
async fn no_algorithm_is_talked_into_anothers_key() {
    let issuer = Issuer::new();
    let (tokens, _server) = over(Some(SECRET), set(&[Issuer::rsa_jwk(), issuer.ec_jwk.clone()])).await;
    for wrong in [
        header(Algorithm::RS256, Some("ec")),
        header(Algorithm::ES256, Some("rsa")),
        header(Algorithm::RS256, Some("other")),
    ] {
        let refused = tokens.verify(&issuer.sign(&wrong)).await;
        assert!(matches!(refused, Err(TokenError::UnknownKey)), "{wrong:?}: {refused:?}");
    }
    // What is published is no secret: an HS256 token made with it is a forgery, under whatever name.
    let jwk = Issuer::rsa_jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("n")).expect("base64");
    for public in [modulus.as_slice(), jwk["n"].as_str().expect("n").as_bytes(), jwk.to_string().as_bytes()] {
        for kid in [None, Some("rsa")] {
            let forged = encode(&header(Algorithm::HS256, kid), &claims(), &EncodingKey::from_secret(public));
            let forged = forged.expect("signed");
            assert!(matches!(tokens.verify(&forged).await, Err(TokenError::Signature)));
        }
    }
    let (part, none) = (|value: Value| URL_SAFE_NO_PAD.encode(value.to_string()), json!({"alg": "none", "typ": "JWT"}));
    let unsigned = format!("{}.{}.", part(none), part(claims()));
    assert!(matches!(tokens.verify(&unsigned).await, Err(TokenError::Algorithm)));
}

#[tokio::test]
async fn what_is_not_configured_does_not_count() {
    let issuer = Issuer::new();
    let (only_keys, _server) = over(None, set(&[Issuer::rsa_jwk()])).await;
    let shared = issuer.sign(&header(Algorithm::HS256, None));
    assert!(matches!(only_keys.verify(&shared).await, Err(TokenError::Algorithm)));
    assert!(only_keys.verify(&issuer.sign(&header(Algorithm::RS256, None))).await.is_ok(), "the one key that fits");
    let only_secret = tokens(Some(SECRET), None);
    assert!(only_secret.verify(&shared).await.is_ok());
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let token = issuer.sign(&header(algorithm, None));
        assert!(matches!(only_secret.verify(&token).await, Err(TokenError::Algorithm)));
    }
}

#[tokio::test]
async fn an_extension_that_must_be_understood_is_refused_although_it_is_well_signed() {
    let issuer = Issuer::new();
    let (tokens, _server) = over(Some(SECRET), set(&[Issuer::rsa_jwk()])).await;
    for algorithm in [Algorithm::HS256, Algorithm::RS256] {
        let critical = Header { crit: Some(vec!["exp".into()]), ..header(algorithm, None) };
        assert!(matches!(tokens.verify(&issuer.sign(&critical)).await, Err(TokenError::Algorithm)));
    }
}

#[tokio::test]
async fn a_name_of_two_keys_is_nobodys() {
    let issuer = Issuer::new();
    let mut other = issuer.ec_jwk.clone();
    other["kid"] = json!("rsa");
    let (tokens, _server) = over(None, set(&[Issuer::rsa_jwk(), other])).await;
    let refused = tokens.verify(&issuer.sign(&header(Algorithm::RS256, Some("rsa")))).await;
    assert!(matches!(refused, Err(TokenError::UnknownKey)), "{refused:?}");
}

#[tokio::test]
async fn without_a_key_set_the_fault_is_not_the_callers() {
    let issuer = Issuer::new();
    let token = issuer.sign(&header(Algorithm::RS256, Some("rsa")));
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/other");
    for answer in [ResponseTemplate::new(500), elsewhere, ResponseTemplate::new(200).set_body_string("<html>")] {
        let (tokens, _server) = over(Some(SECRET), answer).await;
        let refused = tokens.verify(&token).await;
        assert!(matches!(refused, Err(TokenError::Unavailable(_))), "{refused:?}");
        assert!(tokens.verify(&issuer.sign(&header(Algorithm::HS256, None))).await.is_ok(), "the secret still counts");
    }
}
