//! `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_FROM`, `TWILIO_API_URL`. Missing ones switch a feature off; none
//! opens a door.

use super::reader::Reader;
use dispatch_sms::{Account, AuthTokens};
use secrecy::SecretString;
use url::Url;

/// What it takes to hear text messages and to answer.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// Who we are at Twilio. None: `/intake/sms` answers 503.
    pub credentials: Option<TwilioCredentials>,
    /// The first of `TWILIO_AUTH_TOKEN`. None: receipts by SMS fail with `no_credentials`; `dispatch dev` records them.
    pub sending_token: Option<SecretString>,
    /// `TWILIO_FROM`: a number or a messaging service. None: each answer comes from the number that was written to.
    pub from: Option<String>,
    /// `TWILIO_API_URL`: another Twilio, for tests.
    pub api_url: Option<Url>,
}

/// Account and tokens; one without the other is of no use.
#[derive(Clone, Debug)]
pub struct TwilioCredentials {
    /// `TWILIO_ACCOUNT_SID`.
    pub account: Account,
    /// `TWILIO_AUTH_TOKEN`, several with commas while rotating, then the secrets of SharedKeys that webhooks are signed with;
    /// the first one is sent with.
    pub tokens: AuthTokens,
}

const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const COPY_BOTH: &str = "Copy both from the Twilio console's account page, or leave both out.";

impl Twilio {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (account, tokens) = (account(reader), tokens(reader));
        for (is, missing) in [(ACCOUNT, TOKEN), (TOKEN, ACCOUNT)] {
            if reader.text(is).is_some() && reader.text(missing).is_none() {
                reader.problem(missing, format!("is not set, but {is} is"), COPY_BOTH);
            }
        }
        let cure = "Set it to an http(s) URL, or leave it out for https://api.twilio.com/.";
        Self {
            sending_token: tokens.as_ref().and_then(|tokens| tokens.first().cloned()),
            credentials: account.zip(tokens).map(|(account, tokens)| TwilioCredentials { account, tokens }),
            from: from(reader),
            api_url: reader.http_url("TWILIO_API_URL", cure),
        }
    }
}

fn account(reader: &mut Reader<'_>) -> Option<Account> {
    let account = Account::parse(&reader.text(ACCOUNT)?);
    if let Err(error) = &account {
        reader.problem(ACCOUNT, "cannot be used", format!("{error}. {COPY_BOTH}"));
    }
    account.ok()
}

fn tokens(reader: &mut Reader<'_>) -> Option<AuthTokens> {
    let tokens = AuthTokens::parse(&reader.text(TOKEN)?);
    if let Err(error) = &tokens {
        reader.problem(TOKEN, "cannot be used", format!("{error}. {COPY_BOTH}"));
    }
    tokens.ok()
}

fn from(reader: &mut Reader<'_>) -> Option<String> {
    const NAME: &str = "TWILIO_FROM";
    let text = reader.text(NAME)?;
    if is_sender(&text) {
        return Some(text);
    }
    let cure = "Set it to a number such as +14165550100, or to a messaging service (MG…); without it, each answer comes \
                from the number that was written to.";
    reader.problem(NAME, format!("is {text:?}"), cure);
    None
}

/// A number with its country (E.164), a short code, or the SID of a messaging service.
fn is_sender(text: &str) -> bool {
    let digits = |text: &str, from: usize, to: usize| {
        (from..=to).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match (text.strip_prefix('+'), text.strip_prefix("MG")) {
        (Some(number), _) => digits(number, 7, 15) && !number.starts_with('0'),
        (_, Some(service)) => service.len() == 32 && service.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => digits(text, 3, 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_number_a_short_code_or_a_service() {
        for good in ["+14165550100", "+3725550100", "12345", "MG0123456789abcdef0123456789ABCDEF"] {
            assert!(is_sender(good), "{good}");
        }
        for bad in ["", "+", "416-555-0100", "+1 416 555 0100", "+04165550100", "4165550100", "MG12", "Dispatch"] {
            assert!(!is_sender(bad), "{bad}");
        }
    }
}
