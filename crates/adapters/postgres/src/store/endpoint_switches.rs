//! The `EndpointSwitches` port over tables `dispatch.send_permissions` and `dispatch.deliveries`. It must not send.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::{AsyncConnection, RunQueryDsl};
use dispatch_mission::signal::Recipient;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::switches::{EndpointSwitches, SwitchedOff};
use dispatch_routing::delivery::ENDPOINT_DISABLED;
use serde_json::json;
use time::OffsetDateTime;

use super::clean;
use super::error::StoreError;
use super::sql::sql;
use super::timeline::{self, Entry};
use crate::connect::Pool;

// Held deliveries are few: an index holds them alone.
const OFF: &str = "
SELECT split_part(recipient, ':', 1) AS kind, split_part(recipient, ':', 2) AS target, since, (
    SELECT count(*) FROM (
        SELECT FROM dispatch.deliveries AS d
        WHERE d.state = 'held' AND d.reason = $1 AND d.kind || ':' || (d.destination ->> 'target') = recipient
        LIMIT 10000) AS those) AS waiting
FROM dispatch.send_permissions WHERE reason = $1 ORDER BY recipient";

const SWITCH_ON: &str = "
UPDATE dispatch.send_permissions SET reason = NULL, since = now() WHERE recipient = $1 AND reason = $2";

#[derive(QueryableByName)]
struct Off {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    target: String,
    #[diesel(sql_type = Timestamptz)]
    since: OffsetDateTime,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

/// Who is switched off.
#[derive(Clone, Debug)]
pub struct PgEndpointSwitches {
    pool: Pool,
}

impl PgEndpointSwitches {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn read(&self) -> Result<Vec<Off>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(OFF).bind::<Text, _>(ENDPOINT_DISABLED).load(&mut *connection).await?)
    }

    async fn turn_on(&self, recipient: &Recipient, by: &str) -> Result<bool, StoreError> {
        let mut connection = self.pool.get().await?;
        let entry = Entry {
            step: "deliver",
            event: "endpoint.enabled",
            subject: Some(recipient.as_str().to_owned()),
            detail: json!({ "by": clean(by) }),
            ..Entry::default()
        };
        connection
            .transaction(async |connection| {
                let changed = sql(SWITCH_ON)
                    .bind::<Text, _>(recipient.as_str())
                    .bind::<Text, _>(ENDPOINT_DISABLED)
                    .execute(connection)
                    .await?;
                if changed > 0 {
                    timeline::append(connection, &[entry]).await?;
                }
                Ok(changed > 0)
            })
            .await
    }
}

#[async_trait]
impl EndpointSwitches for PgEndpointSwitches {
    async fn off(&self) -> Result<Vec<SwitchedOff>, StoreUnavailable> {
        let rows = self.read().await?;
        let off = rows.into_iter().map(|row| SwitchedOff {
            recipient: if row.kind == "agent" {
                Recipient::agent(&row.target)
            } else {
                Recipient::webhook(&row.target)
            },
            since: row.since,
            waiting: u32::try_from(row.waiting).unwrap_or(u32::MAX),
        });
        Ok(off.collect())
    }

    async fn switch_on(&self, recipient: &Recipient, by: &str) -> Result<bool, StoreUnavailable> {
        Ok(self.turn_on(recipient, by).await?)
    }
}
