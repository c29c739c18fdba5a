//! Bot tokens, one per workspace. Must not know what they are used for, and shows none of them.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// The bot tokens that messages are posted with.
#[derive(Clone)]
pub struct BotTokens(Held);

#[derive(Clone)]
enum Held {
    /// One workspace, so its id need not be known.
    One(SecretString),
    /// By workspace id.
    ByWorkspace(BTreeMap<String, SecretString>),
}

impl BotTokens {
    /// Reads `xoxb-…` (one workspace) or `T1=xoxb-…,T2=xoxb-…`.
    ///
    /// # Errors
    /// [`TokenError`], which never quotes a token.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let entries: Vec<_> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        match entries.as_slice() {
            [] => Err(TokenError::Empty),
            [one] if !one.contains('=') => token(one).map(|token| Self(Held::One(token))),
            several => {
                let mut tokens = BTreeMap::new();
                for entry in several {
                    let (workspace, text) = entry.split_once('=').ok_or(TokenError::NoWorkspace)?;
                    let workspace = workspace.trim();
                    if workspace.is_empty() || !workspace.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                        return Err(TokenError::NoWorkspace);
                    }
                    if tokens.insert(workspace.to_owned(), token(text.trim())?).is_some() {
                        return Err(TokenError::Twice { workspace: workspace.to_owned() });
                    }
                }
                Ok(Self(Held::ByWorkspace(tokens)))
            }
        }
    }

    /// No token for any workspace: every message fails with `no_token`, where people see it.
    #[must_use]
    pub fn none() -> Self {
        Self(Held::ByWorkspace(BTreeMap::new()))
    }

    /// The token for `workspace`.
    #[must_use]
    pub fn of(&self, workspace: &str) -> Option<&SecretString> {
        match &self.0 {
            Held::One(token) => Some(token),
            Held::ByWorkspace(tokens) => tokens.get(workspace),
        }
    }

    /// Every token, and the workspace that it is configured for, where somebody said.
    pub(crate) fn each(&self) -> Vec<(Option<&str>, &SecretString)> {
        match &self.0 {
            Held::One(token) => vec![(None, token)],
            Held::ByWorkspace(tokens) => tokens.iter().map(|(name, token)| (Some(name.as_str()), token)).collect(),
        }
    }
}

/// What can stand in a header, so that sending cannot fail on it later.
fn token(text: &str) -> Result<SecretString, TokenError> {
    let sound = !text.is_empty() && !text.contains('=') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if sound { Ok(text.into()) } else { Err(TokenError::NotAToken) }
}

impl fmt::Debug for BotTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Held::One(_) => f.write_str("BotTokens(1 redacted)"),
            Held::ByWorkspace(tokens) => write!(f, "BotTokens({:?}, redacted)", tokens.keys()),
        }
    }
}

/// Why a configuration of tokens cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TokenError {
    /// There is none in it.
    #[error("there is no Slack bot token in it")]
    Empty,
    /// Several tokens, and one without its workspace.
    #[error("one of several Slack bot tokens has no workspace: write T1=xoxb-…,T2=xoxb-…")]
    NoWorkspace,
    /// A workspace has two.
    #[error("the Slack workspace {workspace} has two bot tokens")]
    Twice {
        /// Which.
        workspace: String,
    },
    /// Something that cannot be a token.
    #[error("one of the Slack bot tokens is empty or has characters that no token has")]
    NotAToken,
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn token_of(text: &str, workspace: &str) -> Option<String> {
        let tokens = BotTokens::parse(text).expect("tokens");
        tokens.of(workspace).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn a_single_token_serves_every_workspace_and_several_their_own() {
        assert_eq!(token_of(" xoxb-1 ", "T9").as_deref(), Some("xoxb-1"));
        assert_eq!(token_of("T1=xoxb-1, T2=xoxb-2,", "T2").as_deref(), Some("xoxb-2"));
        assert_eq!(token_of("T1=xoxb-1,T2=xoxb-2", "T3"), None);
        assert_eq!(token_of("T1=xoxb-1", "T2"), None, "named is named, also when alone");
        assert!(BotTokens::none().of("T1").is_none());
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_shown() {
        for (text, expected) in [
            ("", TokenError::Empty),
            (" , ", TokenError::Empty),
            ("xoxb-1,xoxb-2", TokenError::NoWorkspace),
            ("T1=xoxb-1,xoxb-2", TokenError::NoWorkspace),
            ("=xoxb-1", TokenError::NoWorkspace),
            ("T 1=xoxb-1", TokenError::NoWorkspace),
            ("T1=xoxb-1,T1=xoxb-2", TokenError::Twice { workspace: "T1".into() }),
            ("T1=", TokenError::NotAToken),
            ("T1=a=b", TokenError::NotAToken),
            ("xoxb 1", TokenError::NotAToken),
            ("xoxb-\u{e9}", TokenError::NotAToken),
        ] {
            let error = BotTokens::parse(text).expect_err(text);
            assert!(!error.to_string().contains("xoxb-1"), "{error}");
            assert_eq!(error, expected, "{text:?}");
        }
        for text in ["xoxb-hush", "T1=xoxb-hush,T2=xoxb-hash"] {
            assert!(!format!("{:?}", BotTokens::parse(text)).contains("xoxb"));
        }
    }
}
