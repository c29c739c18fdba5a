//! `SUPABASE_JWT_SECRET`, `JWKS_URL`, `JWT_AUDIENCE`, `JWT_ISSUER`: how callers prove who they are.

use super::Role;
use super::reader::Reader;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A shorter secret could be guessed offline from one token (RFC 7518 §3.2 asks for the hash's own length).
const SHORTEST_SECRET: usize = 32;
/// What Supabase writes into every user's token.
const DEFAULT_AUDIENCE: &str = "authenticated";
/// Where Supabase publishes a project's keys, behind the project's issuer.
const SUPABASE_KEYS: &str = "/.well-known/jwks.json";

/// How callers prove who they are. API keys are in the database, and always work.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `SUPABASE_JWT_SECRET`: the shared secret of HS256 tokens.
    pub jwt_secret: Option<SecretString>,
    /// `JWKS_URL`: where the public keys of RS256 and ES256 tokens are.
    pub jwks_url: Option<Url>,
    /// `JWT_AUDIENCE`: whom tokens are for.
    pub audience: String,
    /// `JWT_ISSUER`: who issues tokens; known by itself where `JWKS_URL` is Supabase's.
    pub issuer: Option<String>,
}

impl Identity {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        let jwks_url = jwks_url(reader);
        let identity = Self {
            jwt_secret: jwt_secret(reader),
            audience: reader.text("JWT_AUDIENCE").unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned()),
            issuer: reader.text("JWT_ISSUER").or_else(|| jwks_url.as_ref().and_then(supabase_issuer)),
            jwks_url,
        };
        let none = reader.text("SUPABASE_JWT_SECRET").is_none() && reader.text("JWKS_URL").is_none();
        if role == Role::Serve && none {
            reader.problem(
                "SUPABASE_JWT_SECRET",
                "is not set, and neither is JWKS_URL: nobody could be told from a stranger",
                "Set one of them (Supabase: Project Settings, API, JWT), or use `dispatch dev` on your own machine.",
            );
        }
        identity
    }
}

fn jwt_secret(reader: &mut Reader<'_>) -> Option<SecretString> {
    const NAME: &str = "SUPABASE_JWT_SECRET";
    let secret = reader.secret(NAME)?;
    let length = secret.expose_secret().len();
    if length < SHORTEST_SECRET {
        let cure = format!("Use the project's own secret; at least {SHORTEST_SECRET} bytes.");
        reader.problem(NAME, format!("has only {length} bytes"), cure);
    }
    Some(secret)
}

fn jwks_url(reader: &mut Reader<'_>) -> Option<Url> {
    let text = reader.text("JWKS_URL")?;
    let local =
        |url: &Url| url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let url = Url::parse(&text).ok().filter(|url| url.scheme() == "https" && url.has_host() || local(url));
    if url.is_none() {
        reader.problem(
            "JWKS_URL",
            format!("is {text:?}"),
            "Set it to an https URL, such as https://<project>.supabase.co/auth/v1/.well-known/jwks.json.",
        );
    }
    url
}

/// `https://<project>.supabase.co/auth/v1` for a key set of Supabase, whose tokens carry exactly that.
fn supabase_issuer(keys: &Url) -> Option<String> {
    let at_supabase = keys.host_str().is_some_and(|host| host.ends_with(".supabase.co"));
    let issuer = keys.as_str().strip_suffix(SUPABASE_KEYS)?;
    (at_supabase && keys.path().starts_with("/auth/v1/")).then(|| issuer.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_supabase_project_is_known() {
        for (keys, issuer) in [
            ("https://ref.supabase.co/auth/v1/.well-known/jwks.json", Some("https://ref.supabase.co/auth/v1")),
            ("https://ref.supabase.co/other/.well-known/jwks.json", None),
            ("https://ref.supabase.co.evil.example/auth/v1/.well-known/jwks.json", None),
            ("https://keys.example/.well-known/jwks.json", None),
            ("https://ref.supabase.co/auth/v1/.well-known/jwks.json?x=1", None),
        ] {
            assert_eq!(supabase_issuer(&Url::parse(keys).expect("valid")).as_deref(), issuer, "{keys}");
        }
    }
}
