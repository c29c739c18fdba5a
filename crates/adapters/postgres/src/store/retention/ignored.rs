//! Messages that led to nothing and belong to no unit. A change of a message stays as long as the message does.
//!
//! It must not run anything.

use super::plan::{Plan, Removal};
use super::work::NIL;

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT signal_id::text AS id, received_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.signals
WHERE signal_id > $1::text::uuid ORDER BY signal_id LIMIT $3",
    by_age: true,
    over: "
SELECT s.signal_id::text AS id FROM dispatch.signals AS s
WHERE s.signal_id = ANY ($1::text[]::uuid[]) AND s.unit_id IS NULL AND s.state IN ('ignored', 'applied')
    AND s.received_at <= now() - $2 * interval '1 microsecond'
    AND NOT EXISTS (SELECT FROM dispatch.signals AS message WHERE message.content_key = s.amends)
    AND NOT EXISTS (
        SELECT FROM dispatch.signals AS change WHERE change.amends = s.content_key AND change.state = 'amending')",
    lock: "
SELECT signal_id::text AS id FROM dispatch.signals WHERE signal_id = ANY ($1::text[]::uuid[])
ORDER BY signal_id FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[
        Removal::delete("timeline", "t.signal_id = ANY ($1::text[]::uuid[])"),
        Removal::delete("signals", "t.signal_id = ANY ($1::text[]::uuid[])"),
    ],
};
