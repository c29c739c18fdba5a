//! The `ApiKeys` port over table `dispatch.api_keys`. It must not know a key, only its prefix and digest.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::api_keys::{ApiKey, ApiKeyId, ApiKeys, KeyDigest, NewApiKey};
use dispatch_pipeline::ports::identity::Scope;
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

/// Keys for programs.
#[derive(Clone, Debug)]
pub struct PgApiKeys {
    pool: Pool,
}

macro_rules! columns {
    () => {
        "key_id, prefix, digest, name, scopes, created_by, created_at, expires_at, last_used_at, revoked_at"
    };
}

const CREATE: &str = concat!(
    "INSERT INTO dispatch.api_keys (key_id, prefix, digest, name, scopes, created_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ",
    columns!()
);
const LIST: &str = concat!("SELECT ", columns!(), " FROM dispatch.api_keys ORDER BY created_at DESC, key_id DESC");
const FIND: &str = concat!("SELECT ", columns!(), " FROM dispatch.api_keys WHERE prefix = $1");
const REVOKE: &str = concat!(
    "UPDATE dispatch.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1 RETURNING ",
    columns!()
);
const USED: &str = "
UPDATE dispatch.api_keys SET last_used_at = now()
WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    key_id: Uuid,
    #[diesel(sql_type = Text)]
    prefix: String,
    #[diesel(sql_type = Binary)]
    digest: Vec<u8>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    scopes: Vec<String>,
    #[diesel(sql_type = Text)]
    created_by: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    expires_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_used_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    revoked_at: Option<OffsetDateTime>,
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        let mut digest = [0; 32];
        // The table holds 32 bytes; were it otherwise, no key has a digest of zeros.
        if row.digest.len() == digest.len() {
            digest.copy_from_slice(&row.digest);
        }
        Self {
            key_id: ApiKeyId(row.key_id),
            prefix: row.prefix,
            digest: KeyDigest(digest),
            name: row.name,
            scopes: row.scopes.iter().filter_map(|scope| Scope::parse(scope)).collect(),
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl PgApiKeys {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn insert(&self, key: &NewApiKey) -> Result<Row, StoreError> {
        let mut connection = self.pool.get().await?;
        let scopes: Vec<_> = key.scopes.iter().map(Scope::as_str).collect();
        let statement = sql(CREATE)
            .bind::<SqlUuid, _>(key.key_id.0)
            .bind::<Text, _>(&key.prefix)
            .bind::<Binary, _>(key.digest.0.as_slice())
            .bind::<Text, _>(&key.name)
            .bind::<Array<Text>, _>(scopes)
            .bind::<Text, _>(&key.created_by)
            .bind::<Nullable<Timestamptz>, _>(key.expires_at);
        Ok(statement.get_result(&mut *connection).await?)
    }

    async fn all(&self) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(LIST).load(&mut *connection).await?)
    }

    async fn by_prefix(&self, prefix: &str) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(FIND).bind::<Text, _>(prefix).load(&mut *connection).await?)
    }

    async fn end(&self, key_id: ApiKeyId) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(REVOKE).bind::<SqlUuid, _>(key_id.0).load(&mut *connection).await?)
    }

    async fn note(&self, key_id: ApiKeyId) -> Result<(), StoreError> {
        let mut connection = self.pool.get().await?;
        sql(USED).bind::<SqlUuid, _>(key_id.0).execute(&mut *connection).await?;
        Ok(())
    }
}

#[async_trait]
impl ApiKeys for PgApiKeys {
    async fn create(&self, key: &NewApiKey) -> Result<ApiKey, StoreUnavailable> {
        Ok(self.insert(key).await?.into())
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        Ok(self.all().await?.into_iter().map(Into::into).collect())
    }

    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(self.by_prefix(prefix).await?.pop().map(Into::into))
    }

    async fn revoke(&self, key_id: ApiKeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(self.end(key_id).await?.pop().map(Into::into))
    }

    async fn used(&self, key_id: ApiKeyId) -> Result<(), StoreUnavailable> {
        Ok(self.note(key_id).await?)
    }
}
