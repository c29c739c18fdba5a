//! Small tables whose rows go by their age alone. Where their keys are names, a walk goes through the whole table.
//!
//! It must not run anything.

use super::plan::{Plan, Removal};

/// Providers report within days; what a delivery came to stands in its own row and in the story.
pub(super) const REPORTS: Plan = Plan {
    first: "",
    look: "
SELECT reference AS id, reported_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.delivery_reports
WHERE reference > $1 ORDER BY reference LIMIT $3",
    by_age: false,
    over: "
SELECT reference AS id FROM dispatch.delivery_reports
WHERE reference = ANY ($1) AND reported_at <= now() - $2 * interval '1 microsecond'",
    lock: "
SELECT reference AS id FROM dispatch.delivery_reports WHERE reference = ANY ($1)
ORDER BY reference FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("delivery_reports", "t.reference = ANY ($1)")],
};

/// Quotas count by the hour.
pub(super) const QUOTAS: Plan = Plan {
    first: "",
    look: "
SELECT quota_key AS id, taken_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.quotas
WHERE quota_key > $1 ORDER BY quota_key LIMIT $3",
    by_age: false,
    over: "
SELECT quota_key AS id FROM dispatch.quotas
WHERE quota_key = ANY ($1) AND taken_at <= now() - $2 * interval '1 microsecond'",
    lock: "
SELECT quota_key AS id FROM dispatch.quotas WHERE quota_key = ANY ($1) ORDER BY quota_key FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("quotas", "t.quota_key = ANY ($1)")],
};

/// By the minute, all that was counted in one together. Servers with legacy paths do the same by themselves.
pub(super) const TRAFFIC: Plan = Plan {
    first: "-infinity",
    look: "
SELECT minute::text AS id, minute <= now() - $2 * interval '1 microsecond' AS is_old FROM (
    SELECT DISTINCT minute FROM dispatch.legacy_traffic WHERE minute > $1::text::timestamptz ORDER BY minute LIMIT $3) AS minutes
ORDER BY minute",
    by_age: true,
    over: "
SELECT DISTINCT minute::text AS id FROM dispatch.legacy_traffic
WHERE minute = ANY ($1::text[]::timestamptz[]) AND minute <= now() - $2 * interval '1 microsecond'",
    lock: "
SELECT minute::text AS id FROM dispatch.legacy_traffic WHERE minute = ANY ($1::text[]::timestamptz[])
ORDER BY minute, route, contract, mark FOR UPDATE SKIP LOCKED",
    parts: &[],
    removals: &[Removal::delete("legacy_traffic", "t.minute = ANY ($1::text[]::timestamptz[])")],
};
