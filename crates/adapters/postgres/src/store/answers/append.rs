//! Keeps an answer that came in. It must not carry it out.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::answer_queue::{Appended, NewAnswer};
use uuid::Uuid;

use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// The bell stands in the same statement, so that one round trip is between a click and its acknowledgement.
const APPEND: &str = "
WITH question AS (
    SELECT delivery_id FROM dispatch.deliveries WHERE delivery_id = $3 AND content ->> 'content' = 'question'
), stored AS (
    INSERT INTO dispatch.answers (answer_id, answer_key, delivery_id, workspace, person, says, trace_id)
    SELECT $1, $2, delivery_id, $4, $5, $6, $7 FROM question
    ON CONFLICT (answer_key) DO NOTHING
    RETURNING answer_id
), bell AS (
    SELECT pg_notify('dispatch_work', '') FROM stored
)
SELECT EXISTS (SELECT FROM question) AS asked, EXISTS (SELECT FROM stored) AS stored,
    (SELECT count(*) FROM bell) AS rung";

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Bool)]
    asked: bool,
    #[diesel(sql_type = Bool)]
    stored: bool,
}

pub(crate) async fn append(connection: &mut AsyncPgConnection, answer: &NewAnswer) -> Result<Appended, StoreError> {
    let kept: Kept = sql(APPEND)
        .bind::<SqlUuid, _>(answer.answer_id.0)
        .bind::<Text, _>(clean(&answer.key))
        .bind::<SqlUuid, _>(answer.question.0)
        .bind::<Text, _>(clean(&answer.workspace))
        .bind::<Text, _>(clean(&answer.person))
        .bind::<Jsonb, _>(serde_json::to_value(&answer.says)?)
        .bind::<Nullable<SqlUuid>, _>(Uuid::try_parse(&answer.trace_id).ok())
        .get_result(connection)
        .await?;
    Ok(match (kept.asked, kept.stored) {
        (false, _) => Appended::NoSuchQuestion,
        (true, true) => Appended::Queued,
        (true, false) => Appended::Duplicate,
    })
}
