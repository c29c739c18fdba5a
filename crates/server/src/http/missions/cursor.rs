//! The page cursor as clients carry it: opaque, base64url without padding, bound to the order it was made in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission_store::{MissionCursor, MissionOrder};
use time::OffsetDateTime;

/// Before this year the database has no times; it would refuse the question.
const EARLIEST_YEAR: i32 = -4712;

fn tag(order: MissionOrder) -> &'static str {
    match order {
        MissionOrder::Newest => "c",
        MissionOrder::Updated => "u",
    }
}

/// Writes a cursor: `<order>1:<microseconds>:<mission id>`. Microseconds, for that is what the database compares.
pub fn encode(cursor: &MissionCursor, order: MissionOrder) -> String {
    let micros = cursor.at.unix_timestamp_nanos().div_euclid(1000);
    URL_SAFE_NO_PAD.encode(format!("{}1:{micros}:{}", tag(order), cursor.mission_id))
}

/// Reads a cursor that [`encode`] wrote for the same order.
pub fn decode(text: &str, order: MissionOrder) -> Option<MissionCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let plain = std::str::from_utf8(&bytes).ok()?;
    let (micros, id) = plain.strip_prefix(tag(order))?.strip_prefix("1:")?.split_once(':')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    (at.year() >= EARLIEST_YEAR && !id.is_empty() && !id.contains('\0'))
        .then(|| MissionCursor { at, mission_id: MissionId(id.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn round_trip_in_its_own_order_only() {
        for (at, id) in [
            (datetime!(2026-11-20 14:03:07.123_456 UTC), "01JC8Q5W3N4X0V7Y2Z6B9D1F"),
            (datetime!(1969-12-31 23:59:59.999_999 UTC), "an id: with colons/and ü"),
        ] {
            let cursor = MissionCursor { at, mission_id: MissionId(id.to_owned()) };
            let text = encode(&cursor, MissionOrder::Newest);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
            assert_eq!(decode(&text, MissionOrder::Newest), Some(cursor));
            assert_eq!(decode(&text, MissionOrder::Updated), None);
        }
    }

    #[test]
    fn rubbish_is_no_cursor() {
        let huge = URL_SAFE_NO_PAD.encode(format!("c1:{}:x", i128::MAX));
        let before_history = URL_SAFE_NO_PAD.encode("c1:-300000000000000000:x");
        for text in ["", "!", "YWJj", "YzE6MTI", &URL_SAFE_NO_PAD.encode("c1:1:"), &huge, &before_history] {
            assert_eq!(decode(text, MissionOrder::Newest), None, "{text}");
        }
    }
}
