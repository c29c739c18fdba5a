//! The page cursor of held work: opaque, base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_mission::ids::UnitId;
use dispatch_routing::held_work::HeldCursor;
use time::OffsetDateTime;
use uuid::Uuid;

/// Before this year the database has no times; it would refuse the question.
const EARLIEST_YEAR: i32 = -4712;

/// Writes a cursor: `h1:<microseconds>:<unit id>`. Microseconds, for that is what the database compares.
pub fn encode(cursor: &HeldCursor) -> String {
    let micros = cursor.since.unix_timestamp_nanos().div_euclid(1000);
    URL_SAFE_NO_PAD.encode(format!("h1:{micros}:{}", cursor.unit_id))
}

/// Reads a cursor that [`encode`] wrote.
pub fn decode(text: &str) -> Option<HeldCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let plain = std::str::from_utf8(&bytes).ok()?;
    let (micros, id) = plain.strip_prefix("h1:")?.split_once(':')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    let since = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let unit_id = UnitId(Uuid::try_parse(id).ok()?);
    (since.year() >= EARLIEST_YEAR).then_some(HeldCursor { since, unit_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let cursor = HeldCursor { since: datetime!(2026-11-20 14:03:07.123_456 UTC), unit_id: UnitId::mint() };
        assert_eq!(decode(&encode(&cursor)), Some(cursor));
        let early = URL_SAFE_NO_PAD.encode(format!("h1:-300000000000000000:{}", Uuid::nil()));
        for text in ["", "!", &early, &URL_SAFE_NO_PAD.encode("h1:1:x"), &URL_SAFE_NO_PAD.encode("c1:1:x")] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
