//! What is known about lanes that nobody has used for long. A row that says nothing any more is as good as none, which is made
//! when it is needed. It must not run anything.

use super::plan::{Plan, Removal};

/// Full again, and not asked to rest: what a lane without a row is.
pub(super) const BUCKETS: Plan = Plan {
    first: "",
    look: "
SELECT lane || ' ' || channel AS id,
    greatest(full_at, ready_at) <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.buckets
WHERE lane || ' ' || channel > $1 ORDER BY lane || ' ' || channel LIMIT $3",
    by_age: false,
    over: "
SELECT lane || ' ' || channel AS id FROM dispatch.buckets
WHERE lane || ' ' || channel = ANY ($1) AND greatest(full_at, ready_at) <= now() - $2 * interval '1 microsecond'",
    lock: "
SELECT lane || ' ' || channel AS id FROM dispatch.buckets WHERE lane || ' ' || channel = ANY ($1)
ORDER BY lane, channel FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("buckets", "t.lane || ' ' || t.channel = ANY ($1)")],
};

// An attempt moves `asks_at`, whatever it says of the breaker. One before a destination that nothing waits for guards nobody.
const OVER: &str = "
SELECT b.lane AS id FROM dispatch.breakers AS b
WHERE b.lane = ANY ($1) AND greatest(b.changed_at, b.asks_at) <= now() - $2 * interval '1 microsecond'
    AND (b.state = 'closed' OR NOT EXISTS (
        SELECT FROM dispatch.deliveries AS d
        WHERE d.state = 'pending' AND d.kind = split_part(b.lane, '/', 1) AND d.lane = b.lane))";

pub(super) const BREAKERS: Plan = Plan {
    first: "",
    look: "
SELECT lane AS id, greatest(changed_at, asks_at) <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.breakers
WHERE lane > $1 ORDER BY lane LIMIT $3",
    by_age: false,
    over: OVER,
    lock: "SELECT lane AS id FROM dispatch.breakers WHERE lane = ANY ($1) ORDER BY lane FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("breakers", "t.lane = ANY ($1)")],
};
