//! Turns a verified body into a signal. Must not know HTTP, or what a text means.
//!
//! Parameters: <https://www.twilio.com/docs/messaging/guides/webhook-request>.

pub mod status;

use crate::account::Account;
use dispatch_mission::signal::NewSignal;
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
pub fn parse(
    _content_type: Option<&str>,
    _raw_body: &[u8],
    _reception: Reception<'_>,
) -> Result<NewSignal, ParseError> {
    Err(ParseError::MissingField { pointer: "/MessageSid" })
}
