//! Replays of many that have ended: how many of them were done is not asked for any more. It must not run anything.

use super::plan::{Plan, Removal};
use super::work::NIL;

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT batch_id::text AS id, created_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.replay_batches
WHERE batch_id > $1::text::uuid ORDER BY batch_id LIMIT $3",
    by_age: true,
    over: "
SELECT batch_id::text AS id FROM dispatch.replay_batches
WHERE batch_id = ANY ($1::text[]::uuid[]) AND state <> 'running' AND ended_at <= now() - $2 * interval '1 microsecond'",
    lock: "
SELECT batch_id::text AS id FROM dispatch.replay_batches WHERE batch_id = ANY ($1::text[]::uuid[])
ORDER BY batch_id FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[
        Removal::delete("replay_items", "t.batch_id = ANY ($1::text[]::uuid[])"),
        Removal::delete("replay_batches", "t.batch_id = ANY ($1::text[]::uuid[])"),
    ],
};
