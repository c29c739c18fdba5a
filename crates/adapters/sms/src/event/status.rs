//! Status callbacks: what Twilio says became of a message of ours. Must not know what follows from it.
//!
//! Statuses: <https://www.twilio.com/docs/messaging/api/message-resource#message-status-values>.

use super::{ParseError, check_account, message_sid};
use crate::account::Account;
use crate::params::Params;
use dispatch_mission::ids::DeliveryId;
use dispatch_routing::delivery_reports::{DeliveryReport, ReportedStatus};
use url::form_urlencoded;

/// The query parameter that the courier puts into the callback's URL, where it is signed with the rest.
pub(crate) const DELIVERY_ID: &str = "delivery_id";

/// Reads a verified status callback. `query` is the query of the URL that was called, which carries the delivery's id.
///
/// # Errors
/// [`ParseError`] where there is no report in it.
pub fn parse(
    content_type: Option<&str>,
    raw_body: &[u8],
    query: &str,
    account: &Account,
) -> Result<DeliveryReport, ParseError> {
    let params = Params::read(content_type, raw_body)?;
    check_account(&params, account)?;
    let reference = message_sid(&params)?;
    let pointer = "/MessageStatus";
    let status = params.first_id(&["MessageStatus", "SmsStatus"]).ok_or(ParseError::MissingField { pointer })?;
    let status = reported(&status).ok_or(ParseError::InvalidField { pointer, expected: "a status of a message" })?;
    Ok(DeliveryReport { reference, delivery_id: delivery_id(query), status, error_code: error_code(&params) })
}

/// Twilio's words, which are more than ours.
pub(super) fn reported(word: &str) -> Option<ReportedStatus> {
    let word = word.to_ascii_lowercase();
    ReportedStatus::parse(&word).or(match word.as_str() {
        "accepted" | "scheduled" => Some(ReportedStatus::Queued),
        "receiving" => Some(ReportedStatus::Sending),
        "partially_delivered" => Some(ReportedStatus::Sent),
        "received" => Some(ReportedStatus::Delivered),
        "canceled" => Some(ReportedStatus::Failed),
        _ => None,
    })
}

fn delivery_id(query: &str) -> Option<DeliveryId> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == DELIVERY_ID)?;
    id.parse().ok().map(DeliveryId)
}

/// A number such as 30003; it becomes part of a stable code. Zero is none.
fn error_code(params: &Params) -> Option<String> {
    let code = params.id("ErrorCode")?;
    let sound = code.len() <= 8 && code.bytes().all(|byte| byte.is_ascii_digit()) && !code.starts_with('0');
    sound.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "018bcfe5-6800-7000-8000-000000000001";

    fn told(body: &str, query: &str) -> Result<DeliveryReport, (&'static str, &'static str)> {
        let account = Account::parse("AC1").expect("a SID");
        parse(None, body.as_bytes(), query, &account).map_err(|error| (error.code(), error.pointer()))
    }

    #[test]
    fn a_callback_is_a_report() {
        let body = "SmsSid=SM1&SmsStatus=delivered&MessageStatus=delivered&To=%2B15551234567&MessageSid=SM1\
            &AccountSid=AC1&From=%2B15557654321&ApiVersion=2010-04-01";
        let report = told(body, &format!("?x=1&delivery_id={ID}")).expect("a report");
        let delivery_id = Some(DeliveryId(ID.parse().expect("a UUID")));
        let (status, reference) = (ReportedStatus::Delivered, "SM1".to_owned());
        assert_eq!(report, DeliveryReport { reference, delivery_id, status, error_code: None });
        for query in ["", "delivery_id=", "delivery_id=7", "other=018bcfe5-6800-7000-8000-000000000001"] {
            assert_eq!(told(body, query).expect("a report").delivery_id, None, "{query}");
        }
    }

    #[test]
    fn json_is_a_report_too() {
        let account = Account::parse("AC1").expect("a SID");
        let body = br#"{"AccountSid":"AC1","MessageSid":"SM1","MessageStatus":"undelivered","ErrorCode":30003}"#;
        let report = parse(Some("application/json"), body, "", &account).expect("a report");
        assert_eq!((report.status, report.error_code.as_deref()), (ReportedStatus::Undelivered, Some("30003")));
    }

    #[test]
    fn every_word_of_twilios_has_a_status() {
        use ReportedStatus::{Delivered, Failed, Queued, Read, Sending, Sent, Undelivered};
        for (word, status) in [
            ("accepted", Queued),
            ("scheduled", Queued),
            ("queued", Queued),
            ("sending", Sending),
            ("receiving", Sending),
            ("sent", Sent),
            ("partially_delivered", Sent),
            ("DELIVERED", Delivered),
            ("received", Delivered),
            ("undelivered", Undelivered),
            ("failed", Failed),
            ("canceled", Failed),
            ("read", Read),
        ] {
            assert_eq!(reported(word), Some(status), "{word}");
        }
    }

    #[test]
    fn an_error_code_is_a_number() {
        for (code, kept) in [("30003", Some("30003")), ("", None), ("0", None), ("a1", None), ("123456789", None)] {
            let body = format!("AccountSid=AC1&SmsSid=SM1&SmsStatus=failed&ErrorCode={code}");
            assert_eq!(told(&body, "").expect("a report").error_code.as_deref(), kept, "{code:?}");
        }
    }

    #[test]
    fn what_is_no_report_says_why() {
        for (body, error) in [
            ("", ("missing_field", "/AccountSid")),
            ("AccountSid=AC2&MessageSid=SM1&MessageStatus=sent", ("account_mismatch", "/AccountSid")),
            ("AccountSid=AC1&MessageStatus=sent", ("missing_field", "/MessageSid")),
            ("AccountSid=AC1&MessageSid=SM1", ("missing_field", "/MessageStatus")),
            ("AccountSid=AC1&MessageSid=SM1&MessageStatus=lost", ("invalid_field", "/MessageStatus")),
        ] {
            assert_eq!(told(body, ""), Err(error), "{body}");
        }
    }
}
