//! Status callbacks: what Twilio says became of a message of ours.

use super::ParseError;
use crate::account::Account;
use dispatch_routing::delivery_reports::DeliveryReport;

/// Reads a verified status callback. `query` is the query of the URL that was called, which carries the delivery's id.
///
/// # Errors
/// [`ParseError`] where there is no report in it.
pub fn parse(
    _content_type: Option<&str>,
    _raw_body: &[u8],
    _query: &str,
    _account: &Account,
) -> Result<DeliveryReport, ParseError> {
    Err(ParseError::MissingField { pointer: "/MessageSid" })
}
