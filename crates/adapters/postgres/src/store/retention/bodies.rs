//! The words of messages, which go before the rows: of a unit's messages all at once, so that no unit is ever understood by
//! half of what was said. What is open, held or dead keeps its words.
//!
//! It must not run anything.

use super::plan::{How, Part, Plan, Removal};
use super::work::NIL;

/// The units of the messages.
macro_rules! units {
    () => {
        "SELECT unit_id FROM dispatch.signals WHERE signal_id = ANY ($1::text[]::uuid[]) AND unit_id IS NOT NULL"
    };
}

// A mission that is open may be asked about; its answer is understood together with what was said before.
const OVER: &str = "
SELECT s.signal_id::text AS id FROM dispatch.signals AS s LEFT JOIN dispatch.units AS u USING (unit_id)
CROSS JOIN (SELECT now() - $2 * interval '1 microsecond' AS bodies) AS since
WHERE s.signal_id = ANY ($1::text[]::uuid[]) AND s.emptied_at IS NULL AND s.received_at <= since.bodies
    AND CASE WHEN s.unit_id IS NULL THEN s.state IN ('ignored', 'applied') ELSE
        u.state IN ('routed', 'ignored', 'expired', 'dismissed') AND u.settled_at <= since.bodies
        AND NOT EXISTS (
            SELECT FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
            WHERE p.unit_id = u.unit_id AND d.state IN ('pending', 'held'))
        AND NOT EXISTS (
            SELECT FROM dispatch.mission_facts AS m
            WHERE m.unit_id = u.unit_id AND NOT (m.is_over OR m.standing = 'closed'))
        AND NOT EXISTS (
            SELECT FROM dispatch.signals AS member
            LEFT JOIN dispatch.signals AS change ON change.amends = member.content_key
            WHERE member.unit_id = u.unit_id AND (member.received_at > since.bodies OR change.state = 'amending'))
    END";

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT signal_id::text AS id, received_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.signals
WHERE signal_id > $1::text::uuid ORDER BY signal_id LIMIT $3",
    by_age: true,
    over: OVER,
    lock: "
SELECT signal_id::text AS id FROM dispatch.signals WHERE signal_id = ANY ($1::text[]::uuid[])
ORDER BY signal_id FOR UPDATE SKIP LOCKED",
    parts: &[UNITS, SIBLINGS],
    removals: &[Removal {
        table: "signals",
        which: concat!(
            "t.emptied_at IS NULL AND (t.signal_id = ANY ($1::text[]::uuid[]) OR t.unit_id IN (",
            units!(),
            "))"
        ),
        how: How::Set("text = '', payload = '{}', attachments = NULL, emptied_at = now()"),
        counted: Some("t.signal_id = ANY ($1::text[]::uuid[])"),
        counts: true,
    }],
};

/// An answer may just join one of them, a person may have it done once more.
const UNITS: Part = Part {
    lock: concat!(
        "SELECT unit_id::text AS id FROM dispatch.units WHERE unit_id IN (",
        units!(),
        ") ORDER BY unit_id FOR UPDATE SKIP LOCKED"
    ),
    whole: "
SELECT signal_id::text AS id FROM dispatch.signals
WHERE signal_id = ANY ($1::text[]::uuid[]) AND (unit_id IS NULL OR unit_id IN (SELECT unnest($2::text[]::uuid[])))",
};

/// A change of one of them may just be looked at.
const SIBLINGS: Part = Part {
    lock: concat!(
        "SELECT signal_id::text AS id FROM dispatch.signals WHERE unit_id IN (",
        units!(),
        ") ORDER BY signal_id FOR UPDATE SKIP LOCKED"
    ),
    whole: "
SELECT s.signal_id::text AS id FROM dispatch.signals AS s
WHERE s.signal_id = ANY ($1::text[]::uuid[]) AND (
    SELECT bool_and(sibling.signal_id IN (SELECT unnest($2::text[]::uuid[]))) FROM dispatch.signals AS sibling
    WHERE sibling.unit_id = s.unit_id) IS NOT FALSE",
};
