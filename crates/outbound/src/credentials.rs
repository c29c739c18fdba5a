//! Who we say we are in a call. Must not know to whom.

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

/// What goes into `Authorization`.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A bearer token (RFC 6750).
    Bearer(&'a SecretString),
    /// A name and its password (RFC 7617).
    Basic {
        /// The name, without a colon.
        user: &'a str,
        /// The password.
        password: &'a SecretString,
    },
}

impl Credentials<'_> {
    pub(crate) fn put_on(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None => request,
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
        }
    }
}
