//! Lines of the story that nothing stands behind any more: what was added while the rest was removed, and what people did to
//! missions without a message. It must not run anything.

use super::plan::{Plan, Removal};

// A mission that was never changed has no facts: it is open.
const OVER: &str = "
SELECT t.entry::text AS id FROM dispatch.timeline AS t
CROSS JOIN (SELECT now() - $2 * interval '1 microsecond' AS work) AS since
WHERE t.entry = ANY ($1::text[]::bigint[]) AND t.at <= since.work AND CASE
    WHEN t.unit_id IS NOT NULL THEN NOT EXISTS (SELECT FROM dispatch.units AS u WHERE u.unit_id = t.unit_id)
    WHEN t.signal_id IS NOT NULL THEN NOT EXISTS (SELECT FROM dispatch.signals AS s WHERE s.signal_id = t.signal_id)
    WHEN t.delivery_id IS NOT NULL
        THEN NOT EXISTS (SELECT FROM dispatch.deliveries AS d WHERE d.delivery_id = t.delivery_id)
    WHEN t.step = 'mission' THEN EXISTS (
        SELECT FROM dispatch.mission_facts AS m WHERE m.mission_id = t.subject
            AND (m.is_over OR m.standing = 'closed') AND m.changed_at <= since.work)
    ELSE true END";

pub(super) const PLAN: Plan = Plan {
    first: "0",
    look: "
SELECT entry::text AS id, at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.timeline
WHERE entry > $1::text::bigint ORDER BY entry LIMIT $3",
    by_age: true,
    over: OVER,
    lock: "
SELECT entry::text AS id FROM dispatch.timeline WHERE entry = ANY ($1::text[]::bigint[])
ORDER BY entry FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("timeline", "t.entry = ANY ($1::text[]::bigint[])")],
};
