//! `SUPABASE_JWT_SECRET`, `JWKS_URL`: how callers prove who they are.

use super::Role;
use super::reader::Reader;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A shorter secret could be guessed offline from one token (RFC 7518 §3.2 asks for the hash's own length).
const SHORTEST_SECRET: usize = 32;

/// How callers prove who they are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `SUPABASE_JWT_SECRET`: the shared secret of HS256 tokens.
    pub jwt_secret: Option<SecretString>,
    /// `JWKS_URL`: where the public keys of asymmetric tokens are.
    pub jwks_url: Option<Url>,
}

impl Identity {
    pub(super) fn read(reader: &mut Reader<'_>, role: Role) -> Self {
        let identity = Self { jwt_secret: jwt_secret(reader), jwks_url: jwks_url(reader) };
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
