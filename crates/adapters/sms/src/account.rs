//! The Twilio account that we are. Must not know its token.

use std::fmt;
use thiserror::Error;

/// Twilio's are 34 long.
const MAX_LEN: usize = 64;

/// The account's SID: `AC` and 32 hex digits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Account(String);

impl Account {
    /// Reads a SID. Anything alphanumeric that begins with `AC` will do, for Twilio's own may change.
    ///
    /// # Errors
    /// [`AccountError`] for everything else.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        let text = text.trim();
        let rest = text.strip_prefix("AC").ok_or(AccountError)?;
        let sound = !rest.is_empty() && text.len() <= MAX_LEN && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if sound { Ok(Self(text.into())) } else { Err(AccountError) }
    }

    /// The SID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What cannot be an account's SID.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a Twilio account SID is AC and 32 hex digits")]
pub struct AccountError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_begins_with_ac() {
        let account = Account::parse(" ACdeadbeef0123456789abcdef01234567 \n").expect("a SID");
        assert_eq!(account.as_str(), "ACdeadbeef0123456789abcdef01234567");
        let long = format!("AC{}", "0".repeat(63));
        for odd in ["", "AC", "AX1", "ac1", "AC1/../AC2", "AC1 2", "ACé", "SK0123", &long] {
            assert_eq!(Account::parse(odd), Err(AccountError), "{odd:?}");
        }
    }
}
