//! A JSON Web Token taken apart (RFC 7515, compact form). Nothing in it is believed here; it only says which key to try.
//! Must not know keys or claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_pipeline::ports::identity::TokenError;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// No honest token is longer.
const LONGEST: usize = 8 * 1024;

/// The algorithms that are read here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// Any value, null too: an extension that must be understood is one that we do not understand.
fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// A token in its parts.
#[derive(Debug)]
pub(crate) struct Jwt<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    /// What was signed: header and claims as they were sent.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Jwt<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = json(header)?;
        if header.crit {
            return Err(TokenError::Algorithm);
        }
        let algorithm = match header.alg.as_str() {
            "HS256" => Algorithm::Hs256,
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            _ => return Err(TokenError::Algorithm),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        Ok(Self { algorithm, kid: header.kid, signed, signature, claims })
    }

    /// The claims; to be read after the signature was checked.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Result<T, TokenError> {
        json(self.claims)
    }
}

fn json<T: DeserializeOwned>(encoded: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(header: &str) -> Result<Algorithm, TokenError> {
        let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        Jwt::split(&token).map(|jwt| jwt.algorithm)
    }

    #[test]
    fn only_three_algorithms_without_extensions_are_read() {
        for (header, algorithm) in [
            (r#"{"alg":"HS256","typ":"JWT"}"#, Algorithm::Hs256),
            (r#"{"alg":"RS256","kid":"k","jku":"https://evil.example"}"#, Algorithm::Rs256),
            (r#"{"alg":"ES256","kid":null}"#, Algorithm::Es256),
        ] {
            assert_eq!(split(header).expect("read"), algorithm, "{header}");
        }
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS384"}"#,
            r#"{"alg":"PS256"}"#,
            r#"{"alg":"EdDSA"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","crit":null}"#,
        ] {
            assert!(matches!(split(header), Err(TokenError::Algorithm)), "{header}");
        }
    }

    #[test]
    fn rubbish_is_malformed() {
        for header in
            ["", "null", "[]", "{}", r#"{"alg":1}"#, r#"{"alg":"none","alg":"HS256"}"#, r#"{"alg":"HS256"} "x"#]
        {
            assert!(matches!(split(header), Err(TokenError::Malformed)), "{header}");
        }
        let long = "x".repeat(LONGEST + 1);
        // The header {"alg":"HS256"}, and a signature with bits left over, padding, or letters of plain base64.
        let header = "eyJhbGciOiJIUzI1NiJ9";
        let signatures = ["c2ln=", "c2lnX", "c2/n", "c2lnZR"].map(|signature| format!("{header}.e30.{signature}"));
        for token in ["", "a", "a.b", "a.b.c", "....", &long].into_iter().chain(signatures.iter().map(String::as_str)) {
            assert!(matches!(Jwt::split(token), Err(TokenError::Malformed)), "{token}");
        }
    }
}
