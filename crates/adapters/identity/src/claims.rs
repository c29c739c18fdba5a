//! What a signed token must say. Must not know how it was signed, beyond with which kind of key.

use dispatch_pipeline::ports::identity::{TokenError, TokenHolder};
use serde::Deserialize;
use time::OffsetDateTime;

/// Clocks of two machines may differ this much.
const LEEWAY_SECONDS: f64 = 30.0;
/// No account's id is longer. It stands in keys and audits.
const LONGEST_SUBJECT: usize = 255;
/// The issuer of Supabase's legacy `anon` and `service_role` keys.
const LEGACY_ISSUER: &str = "supabase";

/// Whom a token must be from, and for whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// What `aud` must hold.
    pub audience: String,
    /// What `iss` must be, where that is known.
    pub issuer: Option<String>,
}

/// With which kind of key a token was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Proof {
    SharedSecret,
    PublishedKey,
}

#[derive(Deserialize)]
pub(crate) struct Claims {
    sub: Option<String>,
    email: Option<String>,
    role: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    aud: Option<OneOrMore>,
    iss: Option<String>,
    is_anonymous: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::More(more) => more.iter().any(|one| one == wanted),
        }
    }
}

impl Rules {
    /// Whom the claims speak for at `now`.
    pub(crate) fn accept(&self, claims: Claims, proof: Proof, now: OffsetDateTime) -> Result<TokenHolder, TokenError> {
        in_time(&claims, now)?;
        let service = claims.role.as_deref() == Some("service_role");
        // Supabase's long-lived key of a service names neither audience nor account.
        let legacy = service && proof == Proof::SharedSecret && claims.iss.as_deref() == Some(LEGACY_ISSUER);
        self.meant_for_us(&claims, legacy)?;
        match claims.role.as_deref() {
            Some("service_role") => Ok(TokenHolder::Service),
            Some("authenticated") if claims.is_anonymous != Some(true) => user(claims),
            _ => Err(TokenError::Role),
        }
    }

    fn meant_for_us(&self, claims: &Claims, legacy: bool) -> Result<(), TokenError> {
        let meant = match &claims.aud {
            Some(audience) => audience.holds(&self.audience),
            None => legacy,
        };
        if !meant {
            return Err(TokenError::Audience);
        }
        match &self.issuer {
            Some(wanted) if !legacy && claims.iss.as_ref() != Some(wanted) => Err(TokenError::Issuer),
            _ => Ok(()),
        }
    }
}

fn in_time(claims: &Claims, now: OffsetDateTime) -> Result<(), TokenError> {
    #[allow(clippy::cast_precision_loss)] // whole seconds of this millennium are exact in f64
    let now = now.unix_timestamp() as f64;
    let expired = claims.exp.is_none_or(|exp| now >= exp + LEEWAY_SECONDS);
    let early = [claims.nbf, claims.iat].into_iter().flatten().any(|at| now + LEEWAY_SECONDS < at);
    if expired || early { Err(TokenError::Time) } else { Ok(()) }
}

fn user(claims: Claims) -> Result<TokenHolder, TokenError> {
    let sound = |subject: &String| {
        !subject.is_empty() && subject.len() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control)
    };
    let subject = claims.sub.filter(sound).ok_or(TokenError::Malformed)?;
    Ok(TokenHolder::User { subject, email: claims.email.filter(|email| !email.is_empty()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
    const ISSUER: &str = "https://ref.supabase.co/auth/v1";

    fn judge(rules: &Rules, proof: Proof, claims: &Value) -> Result<TokenHolder, TokenError> {
        let claims = serde_json::from_value(claims.clone()).map_err(|_| TokenError::Malformed)?;
        rules.accept(claims, proof, NOW)
    }

    fn rules(issuer: Option<&str>) -> Rules {
        Rules { audience: "authenticated".into(), issuer: issuer.map(str::to_owned) }
    }

    /// A good token of a person, with these members instead; null takes one away.
    fn person(changes: &Value) -> Value {
        let at = NOW.unix_timestamp();
        let mut claims = json!({"sub": "u-1", "email": "sam@example.com", "aud": "authenticated", "iss": ISSUER,
            "role": "authenticated", "iat": at, "exp": at + 600, "is_anonymous": false});
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    }

    fn refusal(changes: &Value) -> String {
        judge(&rules(Some(ISSUER)), Proof::PublishedKey, &person(changes)).expect_err("refused").to_string()
    }

    #[test]
    fn a_fresh_token_of_a_person_counts() {
        let at = NOW.unix_timestamp();
        for changes in [
            json!({}),
            json!({"aud": ["other", "authenticated"]}),
            json!({"iat": null}),
            json!({"exp": at - 29, "nbf": at + 30, "iat": at + 30}),
            json!({"exp": 1e15}),
            json!({"unknown": {"claim": 1}}),
        ] {
            let holder = judge(&rules(Some(ISSUER)), Proof::PublishedKey, &person(&changes));
            let email = Some("sam@example.com".to_owned());
            assert_eq!(holder.expect("counts"), TokenHolder::User { subject: "u-1".into(), email }, "{changes}");
        }
        assert!(judge(&rules(None), Proof::SharedSecret, &person(&json!({"iss": null}))).is_ok());
    }

    #[test]
    fn every_claim_that_is_wrong_is_refused() {
        let at = NOW.unix_timestamp();
        for (error, wrong) in [
            (TokenError::Time, json!({"exp": null})),
            (TokenError::Time, json!({"exp": at - 30})),
            (TokenError::Time, json!({"exp": 0})),
            (TokenError::Time, json!({"exp": -1e300})),
            (TokenError::Time, json!({"nbf": at + 31})),
            (TokenError::Time, json!({"iat": at + 31})),
            (TokenError::Audience, json!({"aud": null})),
            (TokenError::Audience, json!({"aud": "other"})),
            (TokenError::Audience, json!({"aud": []})),
            (TokenError::Issuer, json!({"iss": null})),
            (TokenError::Issuer, json!({"iss": format!("{ISSUER}/")})),
            (TokenError::Issuer, json!({"iss": LEGACY_ISSUER})),
            (TokenError::Role, json!({"role": null})),
            (TokenError::Role, json!({"role": "anon"})),
            (TokenError::Role, json!({"role": "postgres"})),
            (TokenError::Role, json!({"is_anonymous": true})),
            (TokenError::Malformed, json!({"sub": null})),
            (TokenError::Malformed, json!({"sub": ""})),
            (TokenError::Malformed, json!({"sub": "a\nb"})),
            (TokenError::Malformed, json!({"sub": "x".repeat(256)})),
            (TokenError::Malformed, json!({"exp": "9999999999"})),
            (TokenError::Malformed, json!({"aud": {"a": 1}})),
            (TokenError::Malformed, json!({"is_anonymous": "no"})),
        ] {
            assert_eq!(refusal(&wrong), error.to_string(), "{wrong}");
        }
    }

    #[test]
    fn the_legacy_key_of_a_service_counts_only_under_the_shared_secret() {
        let at = NOW.unix_timestamp();
        let key = |role: &str| json!({"iss": "supabase", "ref": "r", "role": role, "iat": at - 9, "exp": at + 600});
        let shared = |claims: &Value| judge(&rules(Some(ISSUER)), Proof::SharedSecret, claims);
        assert_eq!(shared(&key("service_role")).expect("counts"), TokenHolder::Service);
        assert!(shared(&key("anon")).is_err() && shared(&key("authenticated")).is_err());
        assert!(judge(&rules(Some(ISSUER)), Proof::PublishedKey, &key("service_role")).is_err());
        let mut meant_for_another = key("service_role");
        meant_for_another["aud"] = json!("other");
        assert!(shared(&meant_for_another).is_err());
        let mut of_another = key("service_role");
        of_another["iss"] = json!("somebody");
        assert!(shared(&of_another).is_err());
        let issued = person(&json!({"role": "service_role", "sub": null}));
        assert_eq!(judge(&rules(Some(ISSUER)), Proof::PublishedKey, &issued).expect("counts"), TokenHolder::Service);
    }
}
