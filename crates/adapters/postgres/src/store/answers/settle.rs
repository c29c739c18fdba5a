//! Ends answers: what its giver is told is planned in the same commit. It must not decide anything.

use std::borrow::Cow;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, OperationId, UnitId};
use dispatch_routing::answer_queue::{AnswerSettlement, Standing};
use dispatch_routing::destination::Destination;
use dispatch_routing::plan::Content;
use dispatch_routing::question::slack_principal;
use dispatch_routing::queue::{ClaimToken, Settled};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::deliveries::insert::{self, NewDelivery, Standing as At};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::units::questions;

const STANDING: &str = "
SELECT u.state, last.principal, last.verdict = 'confirmed' AS yes FROM dispatch.units AS u
LEFT JOIN LATERAL (
    SELECT principal, verdict FROM dispatch.decisions WHERE unit_id = u.unit_id ORDER BY decided_at DESC LIMIT 1
) AS last ON true
WHERE u.unit_id = $1";

const SETTLE: &str = "
UPDATE dispatch.answers AS a SET
    state = 'done', outcome = $3, claim_token = NULL, lease_until = NULL, settled_at = now()
FROM dispatch.deliveries AS d
WHERE d.delivery_id = a.delivery_id AND a.answer_id = $1 AND a.claim_token = $2 AND a.state = 'pending'
RETURNING d.unit_id, d.dispatch_id, d.destination, a.workspace, a.person, a.says";

const GIVE_BACK: &str = "
UPDATE dispatch.answers SET claim_token = NULL, lease_until = NULL,
    next_attempt_at = now() + $3 * interval '1 microsecond'
WHERE answer_id = $1 AND claim_token = $2 AND state = 'pending'";

#[derive(QueryableByName)]
struct StandingRow {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    principal: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    yes: Option<bool>,
}

#[derive(QueryableByName)]
struct Answered {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Text)]
    workspace: String,
    #[diesel(sql_type = Text)]
    person: String,
    #[diesel(sql_type = Jsonb)]
    says: Value,
}

pub(crate) async fn standing(connection: &mut AsyncPgConnection, unit: UnitId) -> Result<Standing, StoreError> {
    let mut rows: Vec<StandingRow> = sql(STANDING).bind::<SqlUuid, _>(unit.0).load(connection).await?;
    let row = rows.pop();
    let decided = row.as_ref().and_then(|row| Some((row.principal.clone()?, row.yes?)));
    Ok(Standing { state: row.map(|row| row.state), decided })
}

pub(crate) async fn settle(
    connection: &mut AsyncPgConnection,
    settlement: &AnswerSettlement,
) -> Result<Settled, StoreError> {
    connection.transaction(async |connection| in_transaction(connection, settlement).await).await
}

async fn in_transaction(
    connection: &mut AsyncPgConnection,
    settlement: &AnswerSettlement,
) -> Result<Settled, StoreError> {
    let mut rows: Vec<Answered> = sql(SETTLE)
        .bind::<SqlUuid, _>(settlement.answer_id.0)
        .bind::<SqlUuid, _>(settlement.token.0)
        .bind::<Text, _>(settlement.outcome)
        .load(connection)
        .await?;
    let Some(row) = rows.pop() else { return Ok(Settled::Lost) };
    timeline::append(connection, &[entry(settlement, &row)]).await?;
    if let Some(end) = &settlement.ends {
        questions::close(connection, &[(row.unit_id, end.ended())]).await?;
    }
    if let Some(remark) = &settlement.tell {
        let destination: Destination = serde_json::from_value(row.destination)?;
        let content = Content::Whisper { to: row.person, remark: remark.clone() };
        let told = NewDelivery {
            id: DeliveryId::mint().0,
            dispatch: row.dispatch_id,
            unit: row.unit_id,
            destination: &destination,
            content: Cow::Borrowed(&content),
            after: None,
            standing: At::Due,
            attempts: 0,
        };
        insert::insert(connection, &[told]).await?;
        timeline::ring(connection).await?;
    }
    Ok(Settled::Stood)
}

/// The story's line: who answered what, and what it came to.
fn entry(settlement: &AnswerSettlement, row: &Answered) -> Entry {
    let mut detail = row.says.clone();
    detail["by"] = json!(slack_principal(&row.workspace, &row.person));
    detail["outcome"] = json!(settlement.outcome);
    Entry {
        step: "route",
        event: "question.answered",
        unit: Some(row.unit_id),
        subject: Some(settlement.answer_id.to_string()),
        detail,
        ..Entry::default()
    }
}

pub(crate) async fn give_back(
    connection: &mut AsyncPgConnection,
    answer: OperationId,
    token: ClaimToken,
    delay: Duration,
) -> Result<Settled, StoreError> {
    let given = sql(GIVE_BACK)
        .bind::<SqlUuid, _>(answer.0)
        .bind::<SqlUuid, _>(token.0)
        .bind::<BigInt, _>(micros(delay))
        .execute(connection)
        .await?;
    Ok(if given == 1 { Settled::Stood } else { Settled::Lost })
}
