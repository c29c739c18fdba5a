//! Public keys as they are published (RFC 7517), and signatures checked with them. Must not know where the set comes from.

use crate::jwt::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// A key of another size is not worth trying: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A key that checks signatures of one algorithm and of no other.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum PublicKey {
    Rs256 {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    Es256(Vec<u8>),
}

impl PublicKey {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rs256 { .. } => Algorithm::Rs256,
            Self::Es256(_) => Algorithm::Es256,
        }
    }

    pub(crate) fn verify(&self, signed: &str, signature: &[u8]) -> bool {
        let signed = signed.as_bytes();
        match self {
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok()
            }
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok()
            }
        }
    }
}

/// The published keys that tokens can be checked with.
#[derive(Clone, Default, Debug)]
pub struct KeySet {
    keys: Vec<(Option<String>, Arc<PublicKey>)>,
}

impl KeySet {
    /// Reads a published set. A key that cannot be used here is passed over; `None` when it is no key set at all.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(body).ok()?;
        let mut named = HashMap::<String, usize>::new();
        for kid in document.keys.iter().filter_map(|key| key["kid"].as_str()) {
            *named.entry(kid.to_owned()).or_default() += 1;
        }
        let read = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys = read.filter_map(|jwk| Some((jwk.kid.clone(), Arc::new(usable(&jwk)?))));
        // Which of two keys is meant by one name cannot be known.
        let once = |kid: &String| named.get(kid) == Some(&1);
        Some(Self { keys: keys.filter(|(kid, _)| kid.as_ref().is_none_or(once)).collect() })
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key named `kid`, if it is for `algorithm`; without a name the only one that is.
    pub(crate) fn choose(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<Arc<PublicKey>> {
        let named = |name: &Option<String>| kid.is_none() || name.as_deref() == kid;
        let mut fitting = self.keys.iter().filter(|(name, key)| named(name) && key.algorithm() == algorithm);
        let key = fitting.next().map(|(_, key)| Arc::clone(key));
        key.filter(|_| fitting.next().is_none())
    }
}

/// The key, when everything it says of itself fits.
fn usable(jwk: &Jwk) -> Option<PublicKey> {
    let to_verify = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    let says = |name: &str| jwk.alg.as_deref().is_none_or(|alg| alg == name);
    match jwk.kty.as_str() {
        "RSA" if to_verify && says("RS256") => rsa(jwk),
        "EC" if to_verify && says("ES256") && jwk.crv.as_deref() == Some("P-256") => p256(jwk),
        _ => None,
    }
}

fn rsa(jwk: &Jwk) -> Option<PublicKey> {
    let (n, e) = (number(jwk.n.as_deref()?)?, number(jwk.e.as_deref()?)?);
    RSA_BYTES.contains(&n.len()).then_some(PublicKey::Rs256 { n, e })
}

fn p256(jwk: &Jwk) -> Option<PublicKey> {
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    let (x, y) = (coordinate(jwk.x.as_deref()?)?, coordinate(jwk.y.as_deref()?)?);
    Some(PublicKey::Es256([&[4], x.as_slice(), &y].concat()))
}

/// Some issuers write a leading zero, which `ring` takes for a mistake.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rsa_jwk() -> Value {
        json!({"kty": "RSA", "kid": "r", "alg": "RS256", "use": "sig", "e": "AQAB",
            "n": URL_SAFE_NO_PAD.encode([0xab; 256])})
    }

    fn ec_jwk() -> Value {
        let half = URL_SAFE_NO_PAD.encode([7; 32]);
        json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": half, "y": half, "key_ops": ["verify"]})
    }

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).expect("a set")
    }

    fn with(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    #[test]
    fn a_key_serves_its_own_algorithm_under_its_own_name() {
        let keys = set(&[rsa_jwk(), ec_jwk()]);
        assert_eq!(keys.len(), 2);
        assert!(keys.choose(Algorithm::Rs256, Some("r")).is_some());
        assert!(keys.choose(Algorithm::Es256, Some("e")).is_some());
        for (algorithm, kid) in [
            (Algorithm::Es256, "r"),
            (Algorithm::Rs256, "e"),
            (Algorithm::Hs256, "r"),
            (Algorithm::Hs256, "e"),
            (Algorithm::Rs256, "R"),
            (Algorithm::Rs256, ""),
        ] {
            assert_eq!(keys.choose(algorithm, Some(kid)), None, "{algorithm:?} {kid}");
        }
    }

    #[test]
    fn a_token_without_a_name_needs_one_key_that_fits() {
        assert!(set(&[rsa_jwk(), ec_jwk()]).choose(Algorithm::Rs256, None).is_some());
        let two = set(&[rsa_jwk(), with(rsa_jwk(), "kid", json!("r2"))]);
        assert_eq!(two.choose(Algorithm::Rs256, None), None);
        assert!(two.choose(Algorithm::Rs256, Some("r2")).is_some());
    }

    #[test]
    fn keys_that_do_not_fit_are_passed_over() {
        let secret = json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"});
        for key in [
            with(rsa_jwk(), "alg", json!("PS256")),
            with(rsa_jwk(), "alg", json!("HS256")),
            with(rsa_jwk(), "use", json!("enc")),
            with(rsa_jwk(), "key_ops", json!(["encrypt"])),
            with(rsa_jwk(), "kty", json!("EC")),
            with(rsa_jwk(), "n", json!(URL_SAFE_NO_PAD.encode([0xab; 128]))),
            with(rsa_jwk(), "n", json!("not base64!")),
            with(rsa_jwk(), "e", Value::Null),
            with(ec_jwk(), "crv", json!("P-384")),
            with(ec_jwk(), "crv", Value::Null),
            with(ec_jwk(), "alg", json!("ES384")),
            with(ec_jwk(), "x", json!("AA")),
            with(ec_jwk(), "kty", json!("RSA")),
            secret,
            json!("rubbish"),
            json!({}),
        ] {
            let keys = set(&[key.clone(), with(ec_jwk(), "kid", json!("good"))]);
            assert_eq!(keys.len(), 1, "{key}");
            assert!(keys.choose(Algorithm::Es256, Some("good")).is_some());
        }
    }

    #[test]
    fn a_name_that_stands_there_twice_is_nobodys() {
        let other = with(rsa_jwk(), "n", json!(URL_SAFE_NO_PAD.encode([0xcd; 256])));
        assert!(set(&[rsa_jwk(), other, ec_jwk()]).choose(Algorithm::Rs256, Some("r")).is_none());
        let of_another_kind = with(ec_jwk(), "kid", json!("r"));
        assert!(set(&[rsa_jwk(), of_another_kind]).is_empty());
        let unusable = json!({"kty": "oct", "kid": "r", "k": "c2VjcmV0"});
        assert!(set(&[rsa_jwk(), unusable]).is_empty());
    }

    #[test]
    fn what_is_no_set_is_none() {
        for body in ["", "null", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
            assert!(KeySet::parse(body.as_bytes()).is_none(), "{body}");
        }
        assert!(set(&[]).is_empty());
    }
}
