//! Texts that somebody asked about, and what they mean. It must not run anything.

use super::plan::{Plan, Removal};
use super::work::NIL;

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT c.classification_id::text AS id, c.created_at <= now() - $2 * interval '1 microsecond' AS is_old
FROM dispatch.classification_requests AS r JOIN dispatch.classifications AS c USING (classification_id)
WHERE r.classification_id > $1::text::uuid ORDER BY r.classification_id LIMIT $3",
    by_age: true,
    // What was dispatched by it is work, and goes with that.
    over: "
SELECT c.classification_id::text AS id FROM dispatch.classifications AS c
WHERE c.classification_id = ANY ($1::text[]::uuid[]) AND c.unit_id IS NULL
    AND c.created_at <= now() - $2 * interval '1 microsecond'
    AND NOT EXISTS (SELECT FROM dispatch.dispatches AS p WHERE p.classification_id = c.classification_id)
    AND NOT EXISTS (SELECT FROM dispatch.decisions AS d WHERE d.classification_id = c.classification_id)",
    lock: "
SELECT classification_id::text AS id FROM dispatch.classifications WHERE classification_id = ANY ($1::text[]::uuid[])
ORDER BY classification_id FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[
        Removal::delete("classification_requests", "t.classification_id = ANY ($1::text[]::uuid[])"),
        Removal::delete("classifications", "t.classification_id = ANY ($1::text[]::uuid[])"),
    ],
};
