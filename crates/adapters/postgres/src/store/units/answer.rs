//! Bursts that answer a question of ours: they join the unit whose mission waits for it, instead of making another.
//!
//! It must not know what a message says.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::revise::{self, Free};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// In Slack: the unit that the thread hangs on, or the last one in the thread itself. By SMS a conversation has no
// threads: there only the last unit, and only for an hour. The author of both is the same, and what was said is still there.
const QUESTIONS: &str = "
SELECT s.signal_id, coalesce(root.unit_id, last.unit_id) AS unit_id
FROM dispatch.signals AS s
LEFT JOIN LATERAL (
    SELECT u.unit_id FROM dispatch.signals AS first JOIN dispatch.units AS u USING (unit_id)
    WHERE s.source = 'slack' AND u.author = s.author
        AND first.emptied_at IS NULL AND first.content_key = 'slack:message:' || s.workspace || '/' || s.channel || '/' || s.thread
        AND EXISTS (SELECT FROM dispatch.mission_facts AS m
            WHERE m.unit_id = u.unit_id AND m.needs_info IS NOT NULL AND m.standing = 'open')
) AS root ON true
LEFT JOIN LATERAL (
    SELECT newest.unit_id FROM (
        SELECT u.unit_id, u.state, u.settled_at FROM dispatch.units AS u
        WHERE u.conversation = s.conversation AND u.thread IS NOT NULL AND u.author = s.author
        ORDER BY u.ordinal DESC LIMIT 1
    ) AS newest
    WHERE (s.source = 'slack' OR newest.state IN ('pending', 'held') OR newest.settled_at > now() - interval '1 hour')
        AND EXISTS (SELECT FROM dispatch.mission_facts AS m
            WHERE m.unit_id = newest.unit_id AND m.needs_info IS NOT NULL AND m.standing = 'open')
        AND NOT EXISTS (SELECT FROM dispatch.signals AS said
            WHERE said.unit_id = newest.unit_id AND said.emptied_at IS NOT NULL)
) AS last ON root.unit_id IS NULL
WHERE s.signal_id = ANY ($1)";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
}

/// What a burst answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The unit that waits, locked.
    Of(Uuid, Free),
    /// Its unit is in somebody's hands: the burst is closed in the next turn.
    Busy,
}

/// What the bursts answer that begin with these signals, by signal; those that answer nothing are left out.
pub(super) async fn questions(
    connection: &mut AsyncPgConnection,
    signals: &[Uuid],
) -> Result<HashMap<Uuid, Question>, StoreError> {
    if signals.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = sql(QUESTIONS).bind::<Array<SqlUuid>, _>(signals).load(connection).await?;
    let answered: Vec<(Uuid, Uuid)> = rows.into_iter().filter_map(|row| Some((row.signal_id, row.unit_id?))).collect();
    let units: Vec<Uuid> = answered.iter().map(|(_, unit)| *unit).collect();
    let free = revise::lock(connection, &units).await?;
    let question = |unit| free.get(&unit).map_or(Question::Busy, |free| Question::Of(unit, *free));
    Ok(answered.into_iter().map(|(signal, unit)| (signal, question(unit))).collect())
}
