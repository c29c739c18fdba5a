//! What each kind of body becomes.

use super::*;
use dispatch_mission::signal::{Attachment, Consent, Disposition, Recipient};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;
use url::form_urlencoded;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const NOW: OffsetDateTime = datetime!(2026-11-20 15:00 UTC);
const THEM: &str = "+15551234567";
const US: &str = "+15557654321";

fn parse_as(content_type: &str, body: &[u8], token: Option<&str>) -> Result<NewSignal, ParseError> {
    let account = Account::parse("AC1").expect("a SID");
    let reception = Reception { idempotency_token: token, trace_id: TRACE, received_at: NOW, account: &account };
    parse(Some(content_type), body, reception)
}

/// The parameters of a text message as Twilio documents them, with `changes` on top; "-" takes one away.
fn form(changes: &[(&str, &str)]) -> String {
    let mut params = vec![
        ("ToCountry", "US"),
        ("SmsMessageSid", "SM1"),
        ("NumMedia", "0"),
        ("SmsSid", "SM1"),
        ("SmsStatus", "received"),
        ("Body", "New listing: 12 King St"),
        ("To", US),
        ("NumSegments", "1"),
        ("MessageSid", "SM1"),
        ("AccountSid", "AC1"),
        ("From", THEM),
        ("ApiVersion", "2010-04-01"),
    ];
    params.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    params.extend(changes.iter().filter(|(_, value)| *value != "-"));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

fn told(changes: &[(&str, &str)]) -> NewSignal {
    parse_as("application/x-www-form-urlencoded", form(changes).as_bytes(), None).expect("a signal")
}

#[test]
fn a_message_becomes_a_queued_signal() {
    let signal = told(&[]);
    assert_eq!(signal.disposition, Disposition::Queue);
    assert_eq!(signal.conversation.key(), "sms/AC1/+15557654321/+15551234567");
    assert_eq!((signal.author.as_str(), signal.text.as_str()), (THEM, "New listing: 12 King St"));
    assert_eq!((signal.message_ref.as_str(), signal.provider_event_id.as_deref()), ("SM1", Some("SM1")));
    assert_eq!(signal.keys, DedupeKeys { event: None, content: "sms:message:AC1/SM1".into() });
    assert_eq!((signal.occurred_at, signal.trace_id.as_str()), (NOW, TRACE));
    assert_eq!((signal.consent, signal.attachments), (None, Vec::new()));
    assert_eq!(signal.redelivery, Redelivery::default());
    let payload: Value = serde_json::from_str(&signal.payload).expect("JSON");
    assert_eq!(payload["Body"], "New listing: 12 King St");
    assert_eq!(payload["NumSegments"], "1");
}

#[test]
fn json_says_the_same() {
    let body = json!({"AccountSid": "AC1", "MessageSid": "SM1", "From": THEM, "To": US, "NumMedia": 0,
        "Body": "New listing: 12 King St\u{0}"});
    let signal = parse_as("application/json", body.to_string().as_bytes(), None).expect("a signal");
    let plain = told(&[]);
    assert_eq!((signal.text, signal.keys, signal.conversation), (plain.text, plain.keys, plain.conversation));
}

#[test]
fn a_token_is_a_second_key() {
    let key = |token: &str| parse_as("", form(&[]).as_bytes(), Some(token)).expect("a signal").keys.event;
    assert_eq!(key(" 1b2c-3d "), Some("sms:token:AC1/1b2c-3d".into()));
    for odd in ["", " ", "a b", "é", &"x".repeat(129)] {
        assert_eq!(key(odd), None, "{odd:?}");
    }
}

#[test]
fn the_sid_has_three_names() {
    for changes in [vec![("MessageSid", "-")], vec![("MessageSid", "-"), ("SmsMessageSid", " ")]] {
        assert_eq!(told(&changes).keys.content, "sms:message:AC1/SM1", "{changes:?}");
    }
}

#[test]
fn numbers_are_spelt_one_way_and_other_channels_stay() {
    let signal = told(&[("From", "+1 (555) 123-4567"), ("To", "72323")]);
    assert_eq!(signal.conversation.key(), "sms/AC1/72323/+15551234567");
    assert_eq!(signal.author, THEM);
    let signal = told(&[("From", "whatsapp:+15551234567"), ("To", "whatsapp:+15557654321"), ("Body", "stop")]);
    assert_eq!(signal.author, "whatsapp:+15551234567");
    assert_eq!(signal.consent.expect("a word").recipient, Recipient::phone("whatsapp:+15551234567"));
}

#[test]
fn media_are_recorded_and_a_picture_is_no_empty_message() {
    let signal = told(&[
        ("Body", ""),
        ("NumMedia", "2"),
        ("MediaUrl0", "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"),
        ("MediaContentType0", "image/jpeg"),
        ("MediaContentType1", "application/pdf"),
    ]);
    assert_eq!(signal.disposition, Disposition::Queue);
    let url = Some("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1".to_owned());
    let first = Attachment { name: None, media_type: Some("image/jpeg".into()), url };
    let second = Attachment { name: None, media_type: Some("application/pdf".into()), url: None };
    assert_eq!(signal.attachments, [first, second]);
    for (count, attachments) in [("99999999999999999999", 0), ("11", 10), ("-1", 0), ("x", 0)] {
        assert_eq!(told(&[("NumMedia", count)]).attachments.len(), attachments, "{count}");
    }
    assert_eq!(told(&[("NumMedia", "-"), ("MediaUrl3", "https://a.example/3")]).attachments.len(), 1);
}

#[test]
fn consent_is_remembered_and_twilio_answers() {
    let consent = |given, reason| Some(Consent { recipient: Recipient::phone(THEM), given, reason });
    let (out, again) = (consent(false, "opted_out"), consent(true, "opted_in"));
    for (changes, disposition, consent) in [
        (vec![("Body", " stop\n")], Disposition::Ignore(reason::OPT_OUT), &out),
        (vec![("Body", "Arr\u{ea}t")], Disposition::Ignore(reason::OPT_OUT), &out),
        (vec![("Body", "no more"), ("OptOutType", "STOP")], Disposition::Ignore(reason::OPT_OUT), &out),
        (vec![("Body", "START")], Disposition::Ignore(reason::OPT_IN), &again),
        (vec![("Body", "yes"), ("OptOutType", "START")], Disposition::Ignore(reason::OPT_IN), &again),
        (vec![("Body", "Yes")], Disposition::Queue, &again),
        (vec![("Body", "help")], Disposition::Ignore(reason::HELP), &None),
        (vec![("Body", "STOP"), ("OptOutType", "HELP")], Disposition::Ignore(reason::HELP), &None),
        (vec![("Body", "stop by later")], Disposition::Queue, &None),
        (vec![("Body", "STOP"), ("To", "-")], Disposition::Ignore(reason::MISSING_FROM_OR_TO), &out),
        (vec![("Body", "STOP"), ("From", "-")], Disposition::Ignore(reason::MISSING_FROM_OR_TO), &None),
        (vec![("Body", "STOP"), ("SmsStatus", "delivered")], Disposition::Ignore(reason::OWN_MESSAGE), &None),
    ] {
        let signal = told(&changes);
        assert_eq!((&signal.disposition, &signal.consent), (&disposition, consent), "{changes:?}");
    }
}

#[test]
fn what_is_not_acted_on_says_why() {
    let long = "9".repeat(200);
    for (changes, reason) in [
        (vec![("Body", "")], reason::EMPTY_MESSAGE),
        (vec![("Body", "-")], reason::EMPTY_MESSAGE),
        (vec![("Body", " \n\u{a0}\u{0}")], reason::EMPTY_MESSAGE),
        (vec![("From", US)], reason::OWN_MESSAGE),
        (vec![("From", "+1 555 765 4321")], reason::OWN_MESSAGE),
        (vec![("Direction", "outbound-api")], reason::OWN_MESSAGE),
        (vec![("MessageStatus", "sent")], reason::OWN_MESSAGE),
        (vec![("From", "-")], reason::MISSING_FROM_OR_TO),
        (vec![("From", "-"), ("To", "-")], reason::MISSING_FROM_OR_TO),
        (vec![("To", long.as_str())], reason::MISSING_FROM_OR_TO),
    ] {
        assert_eq!(told(&changes).disposition, Disposition::Ignore(reason), "{changes:?}");
    }
}

#[test]
fn a_status_at_the_wrong_door_takes_no_messages_key() {
    assert_eq!(told(&[("MessageStatus", "sent")]).keys.content, "sms:message:AC1/SM1/sent");
    assert_eq!(told(&[("MessageStatus", "receiving")]).keys.content, "sms:message:AC1/SM1");
}

#[test]
fn what_cannot_be_stored_says_where() {
    for (changes, code, pointer) in [
        (vec![("AccountSid", "AC2")], "account_mismatch", "/AccountSid"),
        (vec![("AccountSid", "ac1")], "account_mismatch", "/AccountSid"),
        (vec![("AccountSid", "-")], "missing_field", "/AccountSid"),
        (vec![("MessageSid", "-"), ("SmsMessageSid", "-"), ("SmsSid", "")], "missing_field", "/MessageSid"),
    ] {
        let error = parse_as("", form(&changes).as_bytes(), None).expect_err(code);
        assert_eq!((error.code(), error.pointer()), (code, pointer), "{changes:?}");
    }
    for (body, code) in [(&b"{"[..], "invalid_json"), (b"[]", "invalid_field"), (b"\xff", "invalid_utf8")] {
        let error = parse_as("application/json", body, None).expect_err(code);
        assert_eq!((error.code(), error.pointer()), (code, ""));
    }
}

proptest! {
    #[test]
    fn no_bytes_can_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400), json: bool, query in ".*") {
        let content_type = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        let _ = parse_as(content_type, &body, Some(&query));
        let account = Account::parse("AC1").expect("a SID");
        let _ = status::parse(Some(content_type), &body, &query, &account);
    }

    #[test]
    fn whatever_they_write_is_kept_and_can_be_stored(text in any::<String>(), from in any::<String>()) {
        let signal = told(&[("Body", &text), ("From", &from), ("Extra", &text), ("Extra", &from)]);
        // "-" takes the parameter away.
        prop_assert_eq!(&signal.text, &if text == "-" { String::new() } else { text.replace('\0', "") });
        prop_assert!(!signal.payload.contains("\\u0000") && !signal.author.contains('\0'));
        prop_assert!(serde_json::from_str::<Value>(&signal.payload).is_ok());
    }
}
