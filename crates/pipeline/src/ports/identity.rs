//! The ports `TokenVerifier` and `KeyVerifier`: does this credential count, and whom does it name? Must not know HTTP,
//! routes, or how a credential is made.

use super::api_keys::ApiKeyId;
use async_trait::async_trait;
use std::error::Error;
use thiserror::Error;

/// What a credential is good for. A group of operations has one scope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Send messages in.
    Intake,
    /// Ask what a message means.
    Reason,
    /// Decide, replay, look at what is held.
    Route,
    /// See what happened.
    Observe,
    /// Read and change missions.
    Missions,
    /// All of it.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Intake, Self::Reason, Self::Route, Self::Observe, Self::Missions, Self::Admin];

    /// The word for it, everywhere.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Reason => "reason",
            Self::Route => "route",
            Self::Observe => "observe",
            Self::Missions => "missions",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A set of scopes. Admin implies all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything.
    pub const ADMIN: Self = Self(1 << Scope::Admin as u8);
    /// What somebody may do who has signed in and is not of the staff: look at missions. Stories name who wrote what.
    pub const GUEST: Self = Self(1 << Scope::Missions as u8);
    /// What an active member of staff may do.
    pub const PERSON: Self = Self(
        1 << Scope::Reason as u8 | 1 << Scope::Route as u8 | 1 << Scope::Observe as u8 | 1 << Scope::Missions as u8,
    );

    /// Whether `scope` is in it, or implied.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.holds(Scope::Admin) || self.holds(scope)
    }

    /// Those that were given, without the implied ones.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.holds(*scope))
    }

    fn holds(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

/// Whom a valid token speaks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenHolder {
    /// A person who signed in.
    User {
        /// The account's id.
        subject: String,
        /// The account's e-mail address, as the issuer says.
        email: Option<String>,
    },
    /// A trusted service: Supabase's `service_role`.
    Service,
}

/// Why a token does not count. The words are for whoever sent it, and hold nothing of what was sent.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It is no JSON Web Token, or says the same thing twice.
    #[error("The token is not a JSON Web Token.")]
    Malformed,
    /// Another algorithm than those that are configured, or an extension that must be understood.
    #[error("The token is not signed with an algorithm that is accepted here.")]
    Algorithm,
    /// No key is known that could have signed it.
    #[error("The token is signed with a key that is not known.")]
    UnknownKey,
    /// Signed with another key, or altered.
    #[error("The token's signature does not match.")]
    Signature,
    /// Expired, without expiry, not valid yet, or issued in the future.
    #[error("The token has expired or is not valid yet.")]
    Time,
    /// Made for somebody else.
    #[error("The token is not meant for this service.")]
    Audience,
    /// Made by somebody else.
    #[error("The token's issuer is not accepted here.")]
    Issuer,
    /// Valid, but of nobody who may come in: Supabase's public `anon` key, an anonymous sign-in, another role.
    #[error("The token's role is not allowed.")]
    Role,
    /// The keys to check it with cannot be had now. The same token may count later.
    #[error("The keys that tokens are checked with cannot be fetched now.")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Checks bearer tokens.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// Whom `token` speaks for, now.
    ///
    /// # Errors
    /// [`TokenError`]; nothing of the token's claims is believed before its signature.
    async fn verify(&self, token: &str) -> Result<TokenHolder, TokenError>;
}

/// Whom a valid API key speaks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyHolder {
    /// The key's row.
    pub key_id: ApiKeyId,
    /// What it is good for.
    pub scopes: Scopes,
}

/// Why an API key does not count. The words are for whoever sent it.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Not of the form of a key, never made, or with another secret.
    #[error("The API key is not known.")]
    Unknown,
    /// Its time is over.
    #[error("The API key has expired.")]
    Expired,
    /// Somebody took it back.
    #[error("The API key was revoked.")]
    Revoked,
    /// The store did not answer. The same key may count later.
    #[error("API keys cannot be looked up now.")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Checks API keys.
#[async_trait]
pub trait KeyVerifier: Send + Sync {
    /// Whom `key` speaks for, now. Revocation counts within five seconds.
    ///
    /// # Errors
    /// [`KeyError`]. That a key expired or was revoked is told only to whoever knows its secret.
    async fn verify(&self, key: &str) -> Result<KeyHolder, KeyError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_implies_all_and_nothing_else_implies_anything() {
        for scope in Scope::ALL {
            assert!(Scopes::ADMIN.allow(scope));
            let alone = Scopes::from_iter([scope]);
            let allowed: Vec<_> = Scope::ALL.into_iter().filter(|other| alone.allow(*other)).collect();
            assert!(scope == Scope::Admin || allowed == [scope], "{scope:?}: {allowed:?}");
            assert_eq!(alone.iter().collect::<Vec<_>>(), [scope]);
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert!(!Scopes::default().allow(scope));
        }
        let person = Scope::ALL.map(|scope| Scopes::PERSON.allow(scope));
        assert_eq!(person, [false, true, true, true, true, false], "neither intake nor admin");
        let guest = Scope::ALL.map(|scope| Scopes::GUEST.allow(scope));
        assert_eq!(guest, [false, false, false, false, true, false], "missions only");
    }
}
