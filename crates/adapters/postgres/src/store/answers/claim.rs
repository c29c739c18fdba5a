//! Hands answers out, with what is known about who gave them. It must not carry them out.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, OperationId, RealtorId, UnitId};
use dispatch_routing::answer_queue::{ClaimedAnswer, Says};
use dispatch_routing::queue::{ClaimRule, ClaimToken};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::{micros, small};

const TAKE: &str = "
UPDATE dispatch.answers AS a SET
    state = CASE WHEN a.attempts < $1 THEN 'pending' ELSE 'dead' END,
    outcome = CASE WHEN a.attempts < $1 THEN a.outcome ELSE 'attempts_exhausted' END,
    settled_at = CASE WHEN a.attempts < $1 THEN NULL ELSE now() END,
    claim_token = CASE WHEN a.attempts < $1 THEN gen_random_uuid() END,
    lease_until = CASE WHEN a.attempts < $1 THEN now() + $2 * interval '1 microsecond' END,
    next_attempt_at = CASE WHEN a.attempts < $1 THEN now() + $2 * interval '1 microsecond' ELSE a.next_attempt_at END,
    attempts = CASE WHEN a.attempts < $1 THEN a.attempts + 1 ELSE a.attempts END
FROM dispatch.deliveries AS d
    JOIN dispatch.dispatches AS p USING (dispatch_id) JOIN dispatch.units AS u ON u.unit_id = p.unit_id
WHERE d.delivery_id = a.delivery_id AND a.answer_id = (
    SELECT answer_id FROM dispatch.answers WHERE state = 'pending' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING a.answer_id, a.claim_token, a.attempts, a.workspace, a.person, a.says, p.unit_id, p.classification_id,
    coalesce(d.destination ->> 'workspace', '') AS asked_in, u.author";

// As JSON, for a column that a real database lacks is then simply absent. The tables are small.
const STAFF: &str = "
SELECT p ->> 'staff_id' AS id, p ->> 'slack_user_id' AS slack FROM (SELECT to_jsonb(s) AS p FROM public.staff AS s) AS rows
WHERE p ->> 'deleted_at' IS NULL AND p ->> 'status' = 'active' AND p ->> 'slack_user_id' IN ($1, $2)";

const REALTORS: &str = "
SELECT p ->> 'realtor_id' AS id, p ->> 'slack_user_id' AS slack
FROM (SELECT to_jsonb(r) AS p FROM public.realtors AS r) AS rows
WHERE p ->> 'deleted_at' IS NULL AND p ->> 'status' = 'active' AND p ->> 'slack_user_id' IN ($1, $2)";

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = SqlUuid)]
    answer_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    claim_token: Option<Uuid>,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    workspace: String,
    #[diesel(sql_type = Text)]
    person: String,
    #[diesel(sql_type = Jsonb)]
    says: Value,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Text)]
    asked_in: String,
    #[diesel(sql_type = Text)]
    author: String,
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = Nullable<Text>)]
    id: Option<String>,
    #[diesel(sql_type = Text)]
    slack: String,
}

pub(crate) async fn claim(
    connection: &mut AsyncPgConnection,
    rule: ClaimRule,
) -> Result<Option<ClaimedAnswer>, StoreError> {
    loop {
        let taken = connection.transaction(async |connection| take(connection, rule).await).await?;
        let Some(taken) = taken else { return Ok(None) };
        // One whose attempts are used up has ended; behind it there may be others.
        if let Some(token) = taken.claim_token {
            return Ok(Some(with_people(connection, taken, token).await?));
        }
    }
}

async fn take(connection: &mut AsyncPgConnection, rule: ClaimRule) -> Result<Option<Taken>, StoreError> {
    let mut taken: Vec<Taken> = sql(TAKE)
        .bind::<Int4, _>(small(rule.max_attempts))
        .bind::<BigInt, _>(micros(rule.lease))
        .load(connection)
        .await?;
    let taken = taken.pop();
    if let Some(dead) = taken.as_ref().filter(|row| row.claim_token.is_none()) {
        let entry = Entry {
            step: "route",
            event: "question.answer_lost",
            unit: Some(dead.unit_id),
            subject: Some(dead.answer_id.to_string()),
            detail: json!({ "attempts": dead.attempts, "reason": "attempts_exhausted" }),
            ..Entry::default()
        };
        timeline::append(connection, &[entry]).await?;
    }
    Ok(taken)
}

/// Outside of any transaction, which a list that is not there would end.
async fn with_people(connection: &mut AsyncPgConnection, row: Taken, token: Uuid) -> Result<ClaimedAnswer, StoreError> {
    let says: Says = serde_json::from_value(row.says)?;
    let named = match &says {
        Says::Realtor { person } => person.clone(),
        Says::Confirm | Says::Choose { .. } | Says::Ignore => String::new(),
    };
    let staff = people(connection, STAFF, &row.person, &named).await?;
    let mut realtors = people(connection, REALTORS, &row.person, &named).await?;
    let is_known = staff.iter().chain(&realtors).any(|one| one.slack == row.person);
    realtors.retain(|one| one.slack == named);
    // A guess that fits two is no guess.
    let realtor = if realtors.len() == 1 { realtors.pop().and_then(|one| one.id).map(RealtorId) } else { None };
    Ok(ClaimedAnswer {
        answer_id: OperationId(row.answer_id),
        token: ClaimToken(token),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        unit_id: UnitId(row.unit_id),
        classification_id: ClassificationId(row.classification_id),
        asked_in: row.asked_in,
        author: row.author,
        workspace: row.workspace,
        person: row.person,
        says,
        is_known,
        realtor,
    })
}

/// A list that is not there, or may not be read, has nobody in it.
async fn people(
    connection: &mut AsyncPgConnection,
    statement: &'static str,
    one: &str,
    other: &str,
) -> Result<Vec<Person>, StoreError> {
    let found = sql(statement).bind::<Text, _>(one).bind::<Text, _>(other).load(connection).await;
    match found.map_err(StoreError::from) {
        Err(error) if error.condition().is_some() => Ok(Vec::new()),
        other => other,
    }
}
