//! Applies edits and deletions to the messages they are about.
//!
//! It must not classify, decide or send.

use diesel_async::AsyncPgConnection;

use crate::store::error::StoreError;

pub(crate) async fn amend(_connection: &mut AsyncPgConnection, _limit: u32) -> Result<u32, StoreError> {
    Ok(0)
}
