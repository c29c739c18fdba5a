//! The `Stories` port: what happened, put together from the rows themselves and the timeline.
//!
//! It must not show a message's text.

mod find;
mod read;
mod tell;

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::stories::{Stories, Story};

use super::error::StoreError;
use crate::connect::Pool;

/// Stories by any id.
#[derive(Clone, Debug)]
pub struct PgStories {
    pool: Pool,
}

impl PgStories {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Stories for PgStories {
    async fn find(&self, id: &str) -> Result<Option<Story>, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        Ok(story(&mut connection, id).await?)
    }
}

async fn story(connection: &mut AsyncPgConnection, id: &str) -> Result<Option<Story>, StoreError> {
    let Some(subject) = find::subject(connection, id).await? else { return Ok(None) };
    let rows = read::rows(connection, subject).await?;
    Ok(tell::story(rows))
}
