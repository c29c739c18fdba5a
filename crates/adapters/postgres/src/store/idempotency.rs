//! The `IdempotencyStore` port over table `dispatch.idempotency_keys`. The database's clock decides leases and ages.
//!
//! It must not know what an operation does.

use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Integer, Jsonb, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::OperationId;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::idempotency::{Claim, Fingerprint, IdempotencyStore, KEPT_FOR, ScopeKey, StoredAnswer};
use serde_json::Value;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;
use super::{micros, small};
use crate::connect::Pool;

// Who waits for another's insert sees its row afterwards. A row that is too old begins anew; one whose lease ended is
// taken over, operation id and all. No row comes back when there is nothing to claim.
const CLAIM: &str = "
INSERT INTO dispatch.idempotency_keys AS kept (scope_key, fingerprint, operation_id, lease_until, expires_at)
VALUES ($1, $2, $3, now() + $4 * interval '1 microsecond', now() + $5 * interval '1 microsecond')
ON CONFLICT (scope_key) DO UPDATE SET
    lease_until = excluded.lease_until,
    fingerprint = excluded.fingerprint,
    operation_id = CASE WHEN kept.expires_at <= now() THEN excluded.operation_id ELSE kept.operation_id END,
    state = 'running', status = NULL, headers = NULL, body = NULL, stream_id = NULL,
    created_at = CASE WHEN kept.expires_at <= now() THEN now() ELSE kept.created_at END,
    expires_at = CASE WHEN kept.expires_at <= now() THEN excluded.expires_at ELSE kept.expires_at END
WHERE kept.expires_at <= now()
    OR (kept.state = 'running' AND kept.lease_until <= now() AND kept.fingerprint = excluded.fingerprint)
RETURNING operation_id";

const LOOK: &str = "
SELECT fingerprint, status, headers, body, stream_id,
    greatest(1, (extract(epoch FROM lease_until - now()) * 1000000)::bigint) AS left_us
FROM dispatch.idempotency_keys WHERE scope_key = $1";

const FINISH: &str = "
UPDATE dispatch.idempotency_keys
SET state = 'finished', status = $3, headers = $4, body = $5, stream_id = $6
WHERE scope_key = $1 AND operation_id = $2 AND state = 'running'";

const RELEASE: &str = "
UPDATE dispatch.idempotency_keys SET lease_until = now()
WHERE scope_key = $1 AND operation_id = $2 AND state = 'running'";

const REOPEN: &str = "
UPDATE dispatch.idempotency_keys SET state = 'running', stream_id = NULL, lease_until = now()
WHERE scope_key = $1 AND stream_id = $2 AND state = 'finished'";

// An operation that nobody can resume any more needs no memory of its effects.
const PURGE: &str = "
WITH old AS (
    SELECT scope_key FROM dispatch.idempotency_keys WHERE expires_at <= now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM dispatch.idempotency_keys AS kept USING old WHERE kept.scope_key = old.scope_key
    RETURNING kept.operation_id
), forgotten AS (
    DELETE FROM dispatch.effects AS effect USING gone
    WHERE effect.effect_key >= 'operation/' || gone.operation_id || '/'
        AND effect.effect_key < 'operation/' || gone.operation_id || '0'
)
SELECT count(*)::integer AS purged FROM gone";

/// Idempotency keys.
#[derive(Clone, Debug)]
pub struct PgIdempotency {
    pool: Pool,
}

impl PgIdempotency {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = SqlUuid)]
    operation_id: Uuid,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    fingerprint: String,
    #[diesel(sql_type = Nullable<SmallInt>)]
    status: Option<i16>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    headers: Option<Value>,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    stream_id: Option<String>,
    #[diesel(sql_type = BigInt)]
    left_us: i64,
}

#[derive(QueryableByName)]
struct Purged {
    #[diesel(sql_type = Integer)]
    purged: i32,
}

#[async_trait]
impl IdempotencyStore for PgIdempotency {
    async fn claim(&self, scope: &ScopeKey, asked: &Fingerprint, lease: Duration) -> Result<Claim, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        // Twice, for a record may be purged between the two looks.
        for _ in 0..2 {
            if let Some(claim) = claim(&mut connection, scope, asked, lease).await? {
                return Ok(claim);
            }
        }
        Ok(Claim::Running(lease))
    }

    async fn finish(
        &self,
        scope: &ScopeKey,
        operation: OperationId,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreUnavailable> {
        let (status, headers, body, stream) = match answer {
            StoredAnswer::Whole { status, headers, body } => {
                (i16::try_from(*status).ok(), Some(serde_json::json!(headers)), Some(body.as_slice()), None)
            }
            StoredAnswer::Stream(id) => (None, None, None, Some(id.as_str())),
        };
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let finished = sql(FINISH)
            .bind::<Text, _>(&scope.0)
            .bind::<SqlUuid, _>(operation.0)
            .bind::<Nullable<SmallInt>, _>(status)
            .bind::<Nullable<Jsonb>, _>(headers)
            .bind::<Nullable<Binary>, _>(body)
            .bind::<Nullable<Text>, _>(stream)
            .execute(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        Ok(finished > 0)
    }

    async fn release(&self, scope: &ScopeKey, operation: OperationId) -> Result<(), StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let release = sql(RELEASE).bind::<Text, _>(&scope.0).bind::<SqlUuid, _>(operation.0);
        release.execute(&mut *connection).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn reopen(&self, scope: &ScopeKey, stream: &str) -> Result<(), StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let reopen = sql(REOPEN).bind::<Text, _>(&scope.0).bind::<Text, _>(stream);
        reopen.execute(&mut *connection).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let purge = sql(PURGE).bind::<BigInt, _>(i64::from(small(limit)));
        let rows: Purged = purge.get_result(&mut *connection).await.map_err(StoreError::from)?;
        Ok(u32::try_from(rows.purged).unwrap_or_default())
    }
}

/// `None` when the record went away between the two statements.
async fn claim(
    connection: &mut AsyncPgConnection,
    scope: &ScopeKey,
    asked: &Fingerprint,
    lease: Duration,
) -> Result<Option<Claim>, StoreError> {
    let fresh = OperationId::mint();
    let mut held: Vec<Held> = sql(CLAIM)
        .bind::<Text, _>(&scope.0)
        .bind::<Text, _>(&asked.0)
        .bind::<SqlUuid, _>(fresh.0)
        .bind::<BigInt, _>(micros(lease))
        .bind::<BigInt, _>(micros(KEPT_FOR))
        .load(connection)
        .await?;
    if let Some(Held { operation_id }) = held.pop() {
        let operation = OperationId(operation_id);
        return Ok(Some(if operation == fresh { Claim::Claimed(operation) } else { Claim::Resumed(operation) }));
    }
    let mut kept: Vec<Kept> = sql(LOOK).bind::<Text, _>(&scope.0).load(connection).await?;
    kept.pop().map(|kept| found(kept, asked)).transpose()
}

fn found(kept: Kept, asked: &Fingerprint) -> Result<Claim, StoreError> {
    if kept.fingerprint != asked.0 {
        return Ok(Claim::Mismatch);
    }
    if let Some(stream) = kept.stream_id {
        return Ok(Claim::Finished(StoredAnswer::Stream(stream)));
    }
    let Some(status) = kept.status.and_then(|status| u16::try_from(status).ok()) else {
        return Ok(Claim::Running(Duration::from_micros(kept.left_us.unsigned_abs())));
    };
    let headers = serde_json::from_value(kept.headers.unwrap_or_default())?;
    Ok(Claim::Finished(StoredAnswer::Whole { status, headers, body: kept.body.unwrap_or_default() }))
}
