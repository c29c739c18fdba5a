//! Finished units, with everything that is known about them. An effect's key goes with its unit and never before: as long
//! as a unit can be replayed, what it made is known.
//!
//! It must not run anything.

use super::plan::{How, Part, Plan, Removal};

/// The smallest UUID.
pub(super) const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Whether a mission (`m`) still needs its story, were it finished before `since`.
macro_rules! is_needed {
    ($since:literal) => {
        concat!("(NOT (m.is_over OR m.standing = 'closed') OR m.changed_at > ", $since, ")")
    };
}

/// Signals of the units, and the changes of them that had no effect.
macro_rules! signals {
    () => {
        "t.unit_id = ANY ($1::text[]::uuid[]) OR (t.unit_id IS NULL AND t.amends = ANY (ARRAY(
            SELECT content_key FROM dispatch.signals WHERE unit_id = ANY ($1::text[]::uuid[]))))"
    };
}

/// Their deliveries. Those of a dispatch are found by its index.
macro_rules! of_dispatches {
    () => {
        "t.dispatch_id IN (SELECT dispatch_id FROM dispatch.dispatches WHERE unit_id = ANY ($1::text[]::uuid[]))"
    };
}

// Whatever happened to it last has to be long ago: a decision or a replay is a dispatch that is young.
const OVER: &str = concat!(
    "
SELECT u.unit_id::text AS id FROM dispatch.units AS u
CROSS JOIN (SELECT now() - $2 * interval '1 microsecond' AS work, now() - $3 * interval '1 microsecond' AS dead) AS since
WHERE u.unit_id = ANY ($1::text[]::uuid[])
    AND u.state IN ('routed', 'ignored', 'expired', 'dismissed', 'dead')
    AND u.settled_at <= CASE WHEN u.state = 'dead' THEN since.dead ELSE since.work END
    AND NOT EXISTS (
        SELECT FROM dispatch.dispatches AS p LEFT JOIN dispatch.deliveries AS d USING (dispatch_id)
        WHERE p.unit_id = u.unit_id AND (p.created_at > since.work OR d.state IN ('pending', 'held')
            OR d.settled_at > CASE WHEN d.state IN ('exhausted', 'failed', 'unknown') THEN since.dead
                                   ELSE since.work END))
    AND NOT EXISTS (
        SELECT FROM dispatch.mission_facts AS m WHERE m.unit_id = u.unit_id AND ",
    is_needed!("since.work"),
    ")
    AND NOT EXISTS (
        SELECT FROM dispatch.mission_facts AS m WHERE m.mission_id = ANY (ARRAY(
            SELECT mission_id FROM dispatch.effects
            WHERE effect_key >= u.unit_id::text || '/' AND effect_key < u.unit_id::text || '0')) AND ",
    is_needed!("since.work"),
    ")
    AND NOT EXISTS (
        SELECT FROM dispatch.signals AS s LEFT JOIN dispatch.signals AS change ON change.amends = s.content_key
        WHERE s.unit_id = u.unit_id AND (s.received_at > since.work OR change.state = 'amending'))"
);

pub(super) const PLAN: Plan = Plan {
    first: NIL,
    look: "
SELECT unit_id::text AS id, opened_at <= now() - $2 * interval '1 microsecond' AS is_old FROM dispatch.units
WHERE unit_id > $1::text::uuid ORDER BY unit_id LIMIT $3",
    by_age: true,
    over: OVER,
    lock: "
SELECT unit_id::text AS id FROM dispatch.units WHERE unit_id = ANY ($1::text[]::uuid[])
ORDER BY unit_id FOR UPDATE SKIP LOCKED",
    parts: &[DELIVERIES, MISSIONS, SIGNALS],
    removals: REMOVALS,
};

/// Somebody may just send one of them once more.
const DELIVERIES: Part = Part {
    lock: concat!(
        "SELECT t.delivery_id::text AS id FROM dispatch.deliveries AS t WHERE ",
        of_dispatches!(),
        " ORDER BY t.delivery_id FOR UPDATE SKIP LOCKED"
    ),
    whole: "
SELECT wanted.id FROM unnest($1::text[]) AS wanted (id) WHERE (
    SELECT bool_and(d.delivery_id IN (SELECT unnest($2::text[]::uuid[])))
    FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
    WHERE p.unit_id = wanted.id::uuid) IS NOT FALSE",
};

/// Somebody may just take one of them up.
const MISSIONS: Part = Part {
    lock: "
SELECT mission_id AS id FROM dispatch.mission_facts WHERE unit_id = ANY ($1::text[]::uuid[])
ORDER BY mission_id FOR UPDATE SKIP LOCKED",
    whole: "
SELECT wanted.id FROM unnest($1::text[]) AS wanted (id) WHERE (
    SELECT bool_and(m.mission_id IN (SELECT unnest($2::text[]))) FROM dispatch.mission_facts AS m
    WHERE m.unit_id = wanted.id::uuid) IS NOT FALSE",
};

/// A change of one of them may just be looked at.
const SIGNALS: Part = Part {
    lock: concat!(
        "SELECT t.signal_id::text AS id FROM dispatch.signals AS t WHERE ",
        signals!(),
        " ORDER BY t.signal_id FOR UPDATE SKIP LOCKED"
    ),
    whole: "
SELECT wanted.id FROM unnest($1::text[]) AS wanted (id) WHERE (
    SELECT bool_and(s.signal_id IN (SELECT unnest($2::text[]::uuid[]))) FROM dispatch.signals AS s
    WHERE s.unit_id = wanted.id::uuid) IS NOT FALSE",
};

// What the brokerage's missions say stays as long as they do; only where they came from is not known any more.
const REMOVALS: &[Removal] = &[
    Removal::delete(
        "timeline",
        concat!(
            "t.unit_id = ANY ($1::text[]::uuid[]) OR t.signal_id = ANY (ARRAY(
                SELECT t.signal_id FROM dispatch.signals AS t WHERE ",
            signals!(),
            "))"
        ),
    ),
    // Told by its own matter.
    Removal {
        table: "delivery_reports",
        which: concat!(
            "t.delivery_id = ANY (ARRAY(SELECT t.delivery_id FROM dispatch.deliveries AS t WHERE ",
            of_dispatches!(),
            "))"
        ),
        how: How::Delete,
        counted: None,
        counts: false,
    },
    Removal::delete(
        "effects",
        "t.effect_key = ANY (ARRAY(
            SELECT e.effect_key FROM unnest($1::text[]) AS unit (id) CROSS JOIN LATERAL (
                SELECT effect_key FROM dispatch.effects
                WHERE effect_key >= unit.id || '/' AND effect_key < unit.id || '0' OFFSET 0) AS e))",
    ),
    Removal {
        table: "mission_facts",
        which: "t.unit_id = ANY ($1::text[]::uuid[])",
        how: How::Set("unit_id = NULL, classification_id = NULL"),
        counted: None,
        counts: false,
    },
    Removal::delete("signals", signals!()),
    Removal::delete("decisions", "t.unit_id = ANY ($1::text[]::uuid[])"),
    Removal::delete("deliveries", of_dispatches!()),
    Removal::delete("dispatches", "t.unit_id = ANY ($1::text[]::uuid[])"),
    Removal::delete("classifications", "t.unit_id = ANY ($1::text[]::uuid[])"),
    Removal::delete("units", "t.unit_id = ANY ($1::text[]::uuid[])"),
];
