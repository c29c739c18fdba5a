//! What deliveries carried: the words of messages once more, or what was made of them. It goes when the words themselves have
//! gone, and not before: until then a delivery can be done once more. It must not run anything.

use super::plan::{How, Plan, Removal};
use super::work::NIL;

/// What is left: a message without a word, which every reader can read.
macro_rules! nothing {
    () => {
        r#"'{"content": "message", "text": ""}'::jsonb"#
    };
}

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT delivery_id::text AS id, created_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.deliveries
WHERE delivery_id > $1::text::uuid ORDER BY delivery_id LIMIT $3",
    by_age: true,
    over: concat!(
        "
SELECT d.delivery_id::text AS id FROM dispatch.deliveries AS d
WHERE d.delivery_id = ANY ($1::text[]::uuid[]) AND d.created_at <= now() - $2 * interval '1 microsecond'
    AND d.state NOT IN ('pending', 'held') AND d.content <> ",
        nothing!(),
        "
    AND EXISTS (SELECT FROM dispatch.signals AS s WHERE s.unit_id = d.unit_id AND s.emptied_at IS NOT NULL)"
    ),
    lock: "
SELECT delivery_id::text AS id FROM dispatch.deliveries WHERE delivery_id = ANY ($1::text[]::uuid[])
ORDER BY delivery_id FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal {
        table: "deliveries",
        which: "t.delivery_id = ANY ($1::text[]::uuid[])",
        how: How::Set(concat!("content = ", nothing!())),
        counted: None,
        counts: true,
    }],
};
