//! Turns a verified body into a signal. Must not know HTTP, or what a text means.
//!
//! Parameters: <https://www.twilio.com/docs/messaging/guides/webhook-request>.

mod consent;
mod message;
mod number;
pub mod reason;
pub mod status;
#[cfg(test)]
mod tests;

use crate::account::Account;
use crate::params::Params;
use dispatch_mission::ids::SignalId;
use dispatch_mission::signal::{Conversation, DedupeKeys, NewSignal, Redelivery, Source};
use thiserror::Error;
use time::OffsetDateTime;

/// The header that all deliveries of one webhook share.
pub const IDEMPOTENCY_HEADER: &str = "i-twilio-idempotency-token";

/// How the body came, as far as the body does not say.
#[derive(Clone, Copy, Debug)]
pub struct Reception<'a> {
    /// [`IDEMPOTENCY_HEADER`], if it is there.
    pub idempotency_token: Option<&'a str>,
    /// W3C trace id of the request.
    pub trace_id: &'a str,
    /// Now: Twilio does not say when a message was written.
    pub received_at: OffsetDateTime,
    /// The account that we are.
    pub account: &'a Account,
}

/// Why a body cannot even be stored.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ParseError {
    /// It is not UTF-8, so it is no JSON.
    #[error("the body is not UTF-8 from byte {at} on")]
    InvalidUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// It is no JSON: cut off, or something else.
    #[error("the body is not JSON: line {line}, column {column}")]
    InvalidJson {
        /// Where reading ended.
        line: usize,
        /// Where reading ended.
        column: usize,
    },
    /// A parameter that everything hangs on is not there.
    #[error("the parameter {pointer} is missing")]
    MissingField {
        /// Where it should be.
        pointer: &'static str,
    },
    /// A parameter that everything hangs on is something else.
    #[error("the parameter {pointer:?} must be {expected}")]
    InvalidField {
        /// Which; empty for the whole body.
        pointer: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It is about another account than ours.
    #[error("the message belongs to another account")]
    AccountMismatch,
}

impl ParseError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::InvalidJson { .. } => "invalid_json",
            Self::MissingField { .. } => "missing_field",
            Self::InvalidField { .. } => "invalid_field",
            Self::AccountMismatch => "account_mismatch",
        }
    }

    /// The JSON pointer (RFC 6901) of the parameter at fault; empty for the whole body.
    #[must_use]
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::InvalidUtf8 { .. } | Self::InvalidJson { .. } => "",
            Self::MissingField { pointer } | Self::InvalidField { pointer, .. } => pointer,
            Self::AccountMismatch => "/AccountSid",
        }
    }
}

/// Reads a body (form or JSON) whose signature was verified.
///
/// # Errors
/// [`ParseError`] only where nothing can be stored: no JSON object, another account, or nothing to tell it by.
pub fn parse(content_type: Option<&str>, raw_body: &[u8], reception: Reception<'_>) -> Result<NewSignal, ParseError> {
    let params = Params::read(content_type, raw_body)?;
    check_account(&params, reception.account)?;
    let message_sid = message_sid(&params)?;
    let account = reception.account.as_str();
    let event = reception.idempotency_token.and_then(token).map(|token| format!("sms:token:{account}/{token}"));
    let message = message::read(&params);
    let mut content = format!("sms:message:{account}/{message_sid}");
    if let Some(status) = message.status_of_own {
        content.push('/');
        content.push_str(status.as_str());
    }
    Ok(NewSignal {
        signal_id: SignalId::mint(),
        conversation: Conversation {
            source: Source::Sms,
            workspace: account.to_owned(),
            channel: message.to,
            thread: Some(message.from.clone()).filter(|from| !from.is_empty()),
        },
        author: message.from,
        text: message.text,
        attachments: message.attachments,
        message_ref: message_sid.clone(),
        provider_event_id: Some(message_sid),
        occurred_at: reception.received_at,
        keys: DedupeKeys { event, content },
        disposition: message.disposition,
        consent: message.consent,
        // Twilio does not say that it repeats itself, other than by the token.
        redelivery: Redelivery::default(),
        payload: params.into_json(),
        trace_id: reception.trace_id.to_owned(),
    })
}

/// The account in the body must be ours. It is compared, never looked up (chatwoot/chatwoot#14125).
fn check_account(params: &Params, ours: &Account) -> Result<(), ParseError> {
    match params.id("AccountSid") {
        None => Err(ParseError::MissingField { pointer: "/AccountSid" }),
        Some(theirs) if theirs == ours.as_str() => Ok(()),
        Some(_) => Err(ParseError::AccountMismatch),
    }
}

/// Twilio's name of the message, under one of its three names for that.
fn message_sid(params: &Params) -> Result<String, ParseError> {
    params
        .first_id(&["MessageSid", "SmsMessageSid", "SmsSid"])
        .ok_or(ParseError::MissingField { pointer: "/MessageSid" })
}

/// A token that can be part of a key; without one, the message is told by its SID alone.
fn token(header: &str) -> Option<&str> {
    let token = header.trim();
    let sound = (1..=128).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then_some(token)
}
