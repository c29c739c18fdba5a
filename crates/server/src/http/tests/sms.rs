//! Text messages and their reports over the wired application: what gets in, what is refused, what Twilio hears.

use super::*;
use crate::http::intake::sms_door::{CalledAs, SmsDoor};
use async_trait::async_trait;
use dispatch_routing::delivery_reports::{DeliveryReport, DeliveryReports, Recorded, ReportedStatus};
use dispatch_routing::queue::QueueError;
use dispatch_sms::verify::sign;
use dispatch_sms::{Account, AuthTokens};
use std::sync::Mutex;
use url::Url;

const ORIGIN: &str = "https://dispatch.example";
const TOKEN: &str = "a-token-for-tests";
const OLD_TOKEN: &str = "the-token-before-it";

/// What every operation is called with.
pub(super) const MESSAGE: &[(&str, &str)] = &[
    ("MessageSid", "SM1"),
    ("AccountSid", "AC1"),
    ("From", "+14165550101"),
    ("To", "+14165550100"),
    ("Body", "Please order a yard sign"),
];
pub(super) const REPORT: &[(&str, &str)] =
    &[("MessageSid", "SM2"), ("AccountSid", "AC1"), ("MessageStatus", "undelivered"), ("ErrorCode", "30003")];

/// Keeps what it is told.
#[derive(Default)]
pub(super) struct ToldReports {
    down: bool,
    told: Mutex<Vec<DeliveryReport>>,
}

impl ToldReports {
    pub(super) fn new(down: bool) -> Self {
        Self { down, told: Mutex::default() }
    }
}

#[async_trait]
impl DeliveryReports for ToldReports {
    async fn record(&self, report: DeliveryReport) -> Result<Recorded, QueueError> {
        if self.down {
            return Err(QueueError::Unavailable("connection refused".into()));
        }
        self.told.lock().expect("no holder panics").push(report);
        Ok(Recorded::Advanced)
    }
}

pub(super) fn door(closed: bool, clock: Arc<FixedClock>) -> Data<SmsDoor> {
    let tokens = AuthTokens::parse(&format!("{TOKEN},{OLD_TOKEN}")).expect("two tokens");
    let credentials = (Account::parse("AC1").expect("a SID"), tokens);
    let called_as = CalledAs::of(Some(&Url::parse(ORIGIN).expect("a URL")));
    Data::new(SmsDoor::new((!closed).then_some(credentials), called_as, clock))
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A form for `path`, signed with `token` for `signed_path`.
fn signed(path: &str, signed_path: &str, token: &str, fields: &[(&str, &str)]) -> TestRequest {
    let pairs: Vec<_> = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    TestRequest::post()
        .uri(path)
        .insert_header(("content-type", "application/x-www-form-urlencoded; charset=UTF-8"))
        .insert_header(("x-twilio-signature", sign(&token.into(), &format!("{ORIGIN}{signed_path}"), &pairs)))
        .set_payload(form(fields))
}

pub(super) fn sound(path: &str, fields: &[(&str, &str)]) -> TestRequest {
    signed(path, path, TOKEN, fields)
}

/// `MESSAGE` with another value, or one more field.
fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<_> = MESSAGE.iter().copied().filter(|(key, _)| *key != name).collect();
    fields.push((name, value));
    fields
}

#[actix_web::test]
async fn a_message_is_answered_with_nothing_to_say_and_its_receipt_in_headers() {
    for path in ["/intake/sms", "/dispatch/intake/sms"] {
        let answer = ask(Fault::default(), sound(path, MESSAGE)).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/xml"));
        assert_eq!(answer.body, r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#);
        assert_eq!((answer.header("dispatch-event-id").len(), answer.header("dispatch-status")), (36, "queued"));
        assert_eq!(answer.header("dispatch-timestamp"), "2026-11-20T14:03:07.120Z");
    }
    let stop = ask(Fault::default(), sound("/intake/sms", &with("Body", " stop "))).await;
    assert_eq!((stop.status.as_u16(), stop.header("dispatch-status")), (200, "ignored"));
}

#[actix_web::test]
async fn a_copy_gets_the_first_ones_event_id_whichever_name_it_is_known_by() {
    let app = init_service(app(surface(Fault::default()))).await;
    let mut ids = Vec::new();
    let again = sound("/intake/sms", &with("NewOfTwilios", "x"));
    let renamed = sound("/intake/sms", &with("MessageSid", "SM9")).insert_header(("i-twilio-idempotency-token", "t1"));
    let first = sound("/intake/sms", MESSAGE).insert_header(("i-twilio-idempotency-token", "t1"));
    for request in [first, again, renamed, sound("/intake/sms", &with("MessageSid", "SM3"))] {
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        ids.push(response.headers().get("dispatch-event-id").expect("a receipt").clone());
    }
    assert!(ids[0] == ids[1] && ids[0] == ids[2] && ids[0] != ids[3], "{ids:?}");
}

#[actix_web::test]
async fn json_is_taken_when_its_hash_is_signed() {
    let body = json!({"MessageSid": "SM1", "AccountSid": "AC1", "From": "+14165550101", "To": "+14165550100",
        "Body": "Please order a yard sign"})
    .to_string();
    let hash = |body: &str| {
        use sha2::{Digest, Sha256};
        Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let request = |path: String, body: &str| {
        TestRequest::post()
            .uri(&path)
            .insert_header(("content-type", "application/json"))
            .insert_header(("x-twilio-signature", sign(&TOKEN.into(), &format!("{ORIGIN}{path}"), &[])))
            .set_payload(body.to_owned())
    };
    let path = format!("/intake/sms?bodySHA256={}", hash(&body));
    assert_eq!(ask(Fault::default(), request(path.clone(), &body)).await.status, StatusCode::OK);
    let altered = body.replace("sign", "SIGN");
    ask(Fault::default(), request(path, &altered)).await.problem(403, "sms_body_mismatch");
    ask(Fault::default(), request("/intake/sms".into(), &body)).await.problem(403, "sms_body_mismatch");
    let cut = &body[..20];
    let path = format!("/intake/sms?bodySHA256={}", hash(cut));
    ask(Fault::default(), request(path, cut)).await.problem(400, "invalid_body");
}

#[actix_web::test]
async fn what_is_not_twilios_is_refused_at_both_doors() {
    for (path, fields) in [("/intake/sms", MESSAGE), ("/intake/sms/status", REPORT)] {
        let unsigned = TestRequest::post()
            .uri(path)
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(form(fields));
        ask(Fault::default(), unsigned).await.problem(403, "sms_signature_missing");
        let garbled = sound(path, fields).insert_header(("x-twilio-signature", "not base64!"));
        ask(Fault::default(), garbled).await.problem(403, "sms_signature_malformed");
        let altered = sound(path, fields).set_payload(form(&with("Body", "pay me")));
        ask(Fault::default(), altered).await.problem(403, "sms_signature_mismatch");
        let others = signed(path, path, "another-token", fields);
        let problem = ask(Fault::default(), others).await.problem(403, "sms_signature_mismatch");
        assert!(!problem.to_string().contains("dispatch.example"), "what we are called is not told: {problem}");
        let elsewhere = signed(path, &format!("{path}?x=1"), TOKEN, fields);
        ask(Fault::default(), elsewhere).await.problem(403, "sms_signature_mismatch");
        let text = sound(path, fields).insert_header(("content-type", "text/plain"));
        ask(Fault::default(), text).await.problem(415, "unsupported_media_type");
        let long = sound(path, fields).set_payload(vec![b'x'; 2 << 20]);
        ask(Fault::default(), long).await.problem(413, "payload_too_large");
        let closed = Fault { no_sms: true, ..Fault::default() };
        let problem = ask(closed, sound(path, fields)).await.problem(503, "sms_not_configured");
        assert!(problem["detail"].as_str().expect("text").contains("TWILIO_AUTH_TOKEN"), "{problem}");
        let older = signed(path, path, OLD_TOKEN, fields);
        assert!(ask(Fault::default(), older).await.status.is_success(), "both tokens are live");
    }
    ask(Fault::default(), sound("/intake/sms", &with("AccountSid", "AC2"))).await.problem(403, "account_mismatch");
    let nameless: Vec<_> = MESSAGE.iter().copied().filter(|(key, _)| *key != "MessageSid").collect();
    let problem = ask(Fault::default(), sound("/intake/sms", &nameless)).await.problem(400, "invalid_body");
    assert_eq!(problem["errors"][0]["pointer"], "/MessageSid");
}

#[actix_web::test]
async fn nothing_is_acknowledged_that_was_not_stored() {
    let down = Fault { log_down: true, ..Fault::default() };
    for (path, fields) in [("/intake/sms", MESSAGE), ("/intake/sms/status", REPORT)] {
        let answer = ask(down, sound(path, fields)).await;
        answer.problem(503, "intake_unavailable");
        assert!(answer.header("retry-after") == "5" && !answer.body.contains("refused"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn a_report_arrives_with_the_delivery_that_its_url_names() {
    let store = Arc::new(ToldReports::default());
    let surface = || Surface { reports: Data::new(Reports::new(store.clone())), ..surface(Fault::default()) };
    let id = "018bcfe5-6800-7000-8000-000000000001";
    let answer = ask_surface(surface(), sound(&format!("/intake/sms/status?delivery_id={id}"), REPORT)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    ask_surface(surface(), sound("/intake/sms/status", MESSAGE)).await.problem(400, "invalid_body");
    let told = store.told.lock().expect("no holder panics");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].status, told[0].error_code.as_deref()), (ReportedStatus::Undelivered, Some("30003")));
    assert_eq!(told[0].delivery_id.expect("named").to_string(), id);
}
