//! Whose the brokerage's tables in `public` are. Ours exactly when our own brokerage migrations are on record.
//!
//! It must not change anything.

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl};

use super::MigrateError;
use super::harness::SyncConnection;

/// Whose the brokerage's tables in `public` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brokerage {
    /// Ours, since this run: there was nothing there.
    Created,
    /// Ours, since an earlier run.
    Present,
    /// Operations Center's, under the old names only: the cut-over's expand is due. Nothing of theirs was touched.
    LegacyExpandDue,
    /// Somebody else's, under the new names already (a cut-over has expanded them). Nothing of theirs was touched.
    Foreign,
}

/// The names by which the mission tables go after the cut-over's `expand`.
const NEW_NAMES: &str = "'dispatch_activities', 'dispatch_agent_tasks'";

/// The names that say that a brokerage lives here.
const OLD_NAMES: &str =
    "'activities', 'agent_tasks', 'listings', 'staff', 'realtors', 'listing_notes', 'slack_messages'";

pub(super) fn of_brokerage(connection: &mut SyncConnection) -> Result<Brokerage, MigrateError> {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Bool)]
        ours: bool,
        #[diesel(sql_type = Bool)]
        new_names: bool,
        #[diesel(sql_type = Bool)]
        old_names: bool,
    }
    let exists = |names: &str| {
        format!(
            "EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('public')
                     AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname IN ({names}))"
        )
    };
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM dispatch.schema_migrations WHERE set_name = $1) AS ours,
                {} AS new_names, {} AS old_names",
        exists(NEW_NAMES),
        exists(OLD_NAMES),
    );
    let seen: Seen = diesel::sql_query(sql)
        .bind::<Text, _>(super::Set::Brokerage.name())
        .get_result(connection)
        .map_err(MigrateError::Records)?;
    Ok(match seen {
        Seen { ours: true, .. } => Brokerage::Present,
        Seen { new_names: true, .. } => Brokerage::Foreign,
        Seen { old_names: true, .. } => Brokerage::LegacyExpandDue,
        Seen { .. } => Brokerage::Created,
    })
}
