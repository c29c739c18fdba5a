//! The `ApiKeys` port: keys for programs. What is kept of a key is a public prefix and a digest of the whole; the key
//! itself is shown once and never again. Must not know how a key is made or sent.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryApiKeys;

use super::StoreUnavailable;
use super::identity::Scopes;
use async_trait::async_trait;
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;

/// A key's row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ApiKeyId(pub Uuid);

impl ApiKeyId {
    /// A fresh, time-ordered id.
    #[must_use]
    pub fn mint() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a whole key. Its secret part has 256 bits of chance, so it needs neither salt nor stretching.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// A key to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApiKey {
    /// Its row.
    pub key_id: ApiKeyId,
    /// The public part, by which it is found.
    pub prefix: String,
    /// The digest of the whole.
    pub digest: KeyDigest,
    /// What people call it.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// Who made it.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<OffsetDateTime>,
}

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // as in `NewApiKey`
pub struct ApiKey {
    pub key_id: ApiKeyId,
    pub prefix: String,
    pub digest: KeyDigest,
    pub name: String,
    pub scopes: Scopes,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    /// About when it was last used; a minute may be missing.
    pub last_used_at: Option<OffsetDateTime>,
    /// When somebody took it back.
    pub revoked_at: Option<OffsetDateTime>,
}

/// Keeps API keys. Rows are never deleted: who had access when is worth knowing.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Keeps a new key. A prefix or id that is there already is [`StoreUnavailable`]: minting anew cures it.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn create(&self, key: &NewApiKey) -> Result<ApiKey, StoreUnavailable>;

    /// All keys, the newest first; revoked and expired ones too.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable>;

    /// The key with this prefix, whatever became of it.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, StoreUnavailable>;

    /// Takes a key back, for good, and answers it. A second time changes nothing; `None` when there is no such key.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn revoke(&self, key_id: ApiKeyId) -> Result<Option<ApiKey>, StoreUnavailable>;

    /// Notes that the key was used now. Writes at most once a minute.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn used(&self, key_id: ApiKeyId) -> Result<(), StoreUnavailable>;
}
