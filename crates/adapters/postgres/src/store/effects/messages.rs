//! The old backend's record of messages, which its clients read: one row per Slack message of a unit, with what it was
//! understood to mean and what was made of it.
//!
//! It must not change a row that is there: the old backend, beside which Dispatch may run, writes the same ones.

use diesel::sql_types::{Array, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::tables::{SLACK_MESSAGES, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Columns, and what is written there. A real database may lack some.
const COLUMNS: [(&str, &str); 17] = [
    ("message_id", "s.signal_id::text"),
    ("slack_user_id", "s.author"),
    ("slack_channel_id", "s.channel"),
    ("slack_ts", "s.message_ref"),
    ("slack_thread_ts", "s.thread"),
    ("message_text", "s.text"),
    (
        "classification",
        "jsonb_build_object('schema_version', c.schema_version, 'message_type', c.message_type, 'task_key', c.task_key,
            'group_key', c.group_key, 'listing', jsonb_build_object('type', c.listing_type, 'address', c.address),
            'assignee_hint', c.assignee_hint, 'due_date', to_char(c.due_date, 'YYYY-MM-DD\"T\"HH24:MI'),
            'task_title', c.task_title, 'confidence', round(c.confidence::numeric, 4), 'explanations', c.explanations)",
    ),
    ("message_type", "c.message_type"),
    ("task_key", "c.task_key"),
    ("group_key", "c.group_key"),
    ("confidence", "round(c.confidence::numeric, 4)"),
    ("created_listing_id", "listed.listing_id"),
    ("created_task_id", "coalesce(task.mission_id, activity.mission_id)"),
    (
        "created_task_type",
        "CASE WHEN task.mission_id IS NOT NULL THEN 'stray_task' WHEN activity.mission_id IS NOT NULL THEN 'listing_task' END",
    ),
    ("processing_status", "'processed'"),
    ("received_at", "s.received_at"),
    ("processed_at", "now()"),
];

/// Whether there is such a record here.
pub(super) fn are_kept(tables: &Tables) -> bool {
    tables.names(SLACK_MESSAGES, &["message_id", "slack_ts"]).len() == 2
}

/// Records the messages of these units, each with the classification that they were dispatched by. What the same
/// transaction has made is in it.
pub(super) async fn record(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    units: &[(Uuid, Option<Uuid>)],
) -> Result<(), StoreError> {
    if units.is_empty() {
        return Ok(());
    }
    let there: Vec<_> = COLUMNS.iter().filter(|(name, _)| !tables.names(SLACK_MESSAGES, &[*name]).is_empty()).collect();
    let names: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = there.iter().map(|(_, value)| *value).collect();
    let effect = |name: &str, key: &str| {
        format!(
            "LEFT JOIN dispatch.effects AS {name}
                 ON {name}.effect_key = s.unit_id::text || '/{key}' AND NOT {name}.withdrawn"
        )
    };
    let statement = format!(
        "INSERT INTO public.slack_messages ({})
         SELECT {} FROM unnest($1, $2) AS wanted (unit_id, classification_id)
         JOIN dispatch.signals AS s USING (unit_id)
         LEFT JOIN dispatch.classifications AS c ON c.classification_id = wanted.classification_id
         {} {} {}
         WHERE s.source = 'slack' AND s.state = 'queued' AND s.amends IS NULL
         ORDER BY s.message_ref
         ON CONFLICT DO NOTHING",
        names.join(", "),
        values.join(", "),
        effect("listed", "listings/0"),
        effect("task", "dispatch_agent_tasks/0"),
        effect("activity", "dispatch_activities/request"),
    );
    sql(statement)
        .bind::<Array<SqlUuid>, _>(units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(units.iter().map(|(_, meaning)| *meaning).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
