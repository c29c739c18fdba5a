//! The page cursors of held work and of dead letters: opaque, base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dispatch_mission::ids::UnitId;
use dispatch_routing::dead_letters::DeadCursor;
use dispatch_routing::held_work::HeldCursor;
use time::OffsetDateTime;
use uuid::Uuid;

/// Before this year the database has no times; it would refuse the question.
const EARLIEST_YEAR: i32 = -4712;

/// Writes a cursor of held work.
pub fn encode(cursor: &HeldCursor) -> String {
    written("h1", cursor.since, cursor.unit_id.0)
}

/// Reads a cursor that [`encode`] wrote.
pub fn decode(text: &str) -> Option<HeldCursor> {
    let (since, id) = read("h1", text)?;
    Some(HeldCursor { since, unit_id: UnitId(id) })
}

/// Writes a cursor of dead letters.
pub fn encode_dead(cursor: &DeadCursor) -> String {
    written("d1", cursor.since, cursor.id)
}

/// Reads a cursor that [`encode_dead`] wrote.
pub fn decode_dead(text: &str) -> Option<DeadCursor> {
    let (since, id) = read("d1", text)?;
    Some(DeadCursor { since, id })
}

/// `<list>:<microseconds>:<id>`. Microseconds, for that is what the database compares.
fn written(list: &str, since: OffsetDateTime, id: Uuid) -> String {
    let micros = since.unix_timestamp_nanos().div_euclid(1000);
    URL_SAFE_NO_PAD.encode(format!("{list}:{micros}:{id}"))
}

fn read(list: &str, text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let plain = std::str::from_utf8(&bytes).ok()?;
    let (micros, id) = plain.strip_prefix(list)?.strip_prefix(':')?.split_once(':')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    let since = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let id = Uuid::try_parse(id).ok()?;
    (since.year() >= EARLIEST_YEAR).then_some((since, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let cursor = HeldCursor { since: datetime!(2026-11-20 14:03:07.123_456 UTC), unit_id: UnitId::mint() };
        assert_eq!(decode(&encode(&cursor)), Some(cursor));
        let dead = DeadCursor { since: cursor.since, id: Uuid::nil() };
        assert_eq!((decode_dead(&encode_dead(&dead)), decode_dead(&encode(&cursor))), (Some(dead), None));
        let early = URL_SAFE_NO_PAD.encode(format!("h1:-300000000000000000:{}", Uuid::nil()));
        for text in ["", "!", &early, &URL_SAFE_NO_PAD.encode("h1:1:x"), &URL_SAFE_NO_PAD.encode("c1:1:x")] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
