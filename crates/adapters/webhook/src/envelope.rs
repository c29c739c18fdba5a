//! The body of one delivery: CloudEvents 1.0, structured JSON. Must not know signatures or HTTP.

use dispatch_mission::ids::DeliveryId;
use dispatch_routing::delivery::ClaimedDelivery;
use dispatch_routing::event::{EventData, EventWork};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// The media type of the whole.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Attributes are named as CloudEvents wants them: lower-case letters and digits.
#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: &'a str,
    #[serde(rename = "type")]
    event: &'static str,
    subject: String,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    time: Option<OffsetDateTime>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    dispatchid: String,
    data: &'a EventData,
}

/// The body; the same on every attempt.
pub fn body(source: &str, delivery: &ClaimedDelivery, work: &EventWork) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        specversion: "1.0",
        id: delivery.delivery_id.to_string(),
        source,
        event: work.event.name(),
        subject: work.subject.to_string(),
        time: made_at(delivery.delivery_id),
        datacontenttype: "application/json",
        traceparent: traceparent(&work.trace_id, delivery.delivery_id),
        dispatchid: delivery.dispatch_id.to_string(),
        data: &work.data,
    })
}

/// When the delivery was planned, by its id (UUIDv7).
fn made_at(id: DeliveryId) -> Option<OffsetDateTime> {
    let (seconds, nanoseconds) = id.0.get_timestamp()?.to_unix();
    let since_1970 = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    OffsetDateTime::from_unix_timestamp_nanos(since_1970).ok()
}

/// The trace that brought the message; the delivery is its span.
fn traceparent(trace_id: &str, DeliveryId(id): DeliveryId) -> Option<String> {
    let is_hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
    let sound = trace_id.len() == 32 && trace_id.bytes().all(is_hex) && trace_id.bytes().any(|digit| digit != b'0');
    let (_, span) = id.as_u64_pair();
    (sound && id != Uuid::nil()).then(|| format!("00-{trace_id}-{span:016x}-01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_is_none_is_left_out() {
        let id = DeliveryId("0193a000-0000-7000-8000-00000000002a".parse().expect("an id"));
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(traceparent(trace, id).unwrap(), format!("00-{trace}-800000000000002a-01"));
        let none = ["", "x", &trace.to_uppercase(), &"0".repeat(32), &trace[1..]].map(|text| traceparent(text, id));
        assert_eq!(none, [const { None }; 5]);
    }

    #[test]
    fn a_delivery_knows_when_it_was_planned() {
        let now = OffsetDateTime::now_utc();
        let made = made_at(DeliveryId::mint()).expect("a time");
        assert!((made - now).abs() < time::Duration::seconds(5));
        assert_eq!(made_at(DeliveryId(Uuid::nil())), None);
    }
}
