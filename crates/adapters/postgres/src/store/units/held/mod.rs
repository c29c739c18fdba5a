//! What the `HeldWork` port does: shows what waits for a person, and writes what a person decided. It must not plan.

mod adopt;
mod author;
pub(crate) mod decide;
pub(crate) mod read;
mod receipt;

pub(crate) use author::Everybody;
pub(crate) use receipt::of_operation;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, DispatchId};
use dispatch_routing::held_work::HeldWorkError;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Why a transaction is rolled back.
pub(crate) enum Halt {
    Told(HeldWorkError),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl From<Halt> for HeldWorkError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Told(error) => error,
            Halt::Store(error) if error.is_bad_value() => Self::Rejected(error.boxed()),
            Halt::Store(error) => Self::Unavailable(error.boxed()),
        }
    }
}

const LAST_DISPATCH: &str = "
SELECT dispatch_id FROM dispatch.dispatches WHERE unit_id = $1 ORDER BY created_at DESC, dispatch_id DESC LIMIT 1";

/// Where a unit stands.
#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    classification_id: Option<Uuid>,
    /// Whether the words of its messages have gone, their time being over.
    #[diesel(sql_type = Bool)]
    is_emptied: bool,
}

#[derive(QueryableByName)]
struct DispatchRow {
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
}

impl Standing {
    /// Only what is routed goes further, and only by who knows what it means now.
    fn must_be_routed(&self, seen: Uuid) -> Result<(), Halt> {
        if self.state == "pending" || Some(seen) != self.classification_id {
            let by = self.classification_id.filter(|_| self.state != "pending").map(ClassificationId);
            return Err(Halt::Told(HeldWorkError::Superseded { by }));
        }
        // Whatever is made of it now would be made of nothing.
        if self.state == "routed" && self.is_emptied {
            return Err(Halt::Told(HeldWorkError::NotHeld { state: "emptied".to_owned(), dispatch_id: None }));
        }
        if self.state == "routed" {
            return Ok(());
        }
        Err(Halt::Told(HeldWorkError::NotHeld { state: self.state.clone(), dispatch_id: None }))
    }

    /// Only what is held can be decided, and only by who knows what it means now.
    async fn must_be_held(
        &self,
        connection: &mut AsyncPgConnection,
        unit: Uuid,
        seen: Option<Uuid>,
    ) -> Result<(), Halt> {
        let superseded = seen.is_some() && seen != self.classification_id;
        if superseded || (seen.is_some() && self.state == "pending") {
            let by = self.classification_id.filter(|_| superseded && self.state != "pending").map(ClassificationId);
            return Err(Halt::Told(HeldWorkError::Superseded { by }));
        }
        if self.state == "held" {
            return Ok(());
        }
        let mut last: Vec<DispatchRow> = sql(LAST_DISPATCH).bind::<SqlUuid, _>(unit).load(connection).await?;
        let dispatch_id = last.pop().filter(|_| self.state == "routed").map(|row| DispatchId(row.dispatch_id));
        Err(Halt::Told(HeldWorkError::NotHeld { state: self.state.clone(), dispatch_id }))
    }
}
