//! What a database lacks, asked without changing it.
//!
//! It must not take the migrations' lock: health asks this.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{MigrateError, Set};

/// The names of the migrations that this database lacks, for health and `doctor`.
///
/// # Errors
///
/// When the database cannot be asked.
pub async fn pending(connection: &mut AsyncPgConnection) -> Result<Vec<String>, MigrateError> {
    #[derive(QueryableByName)]
    struct There {
        #[diesel(sql_type = Bool)]
        there: bool,
    }
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        set_name: String,
        #[diesel(sql_type = Text)]
        version: String,
    }
    let there: There = diesel::sql_query("SELECT to_regclass('dispatch.schema_migrations') IS NOT NULL AS there")
        .get_result(connection)
        .await
        .map_err(MigrateError::Records)?;
    let applied: Vec<Applied> = if there.there {
        diesel::sql_query("SELECT set_name, version FROM dispatch.schema_migrations")
            .load(connection)
            .await
            .map_err(MigrateError::Records)?
    } else {
        Vec::new()
    };
    let ours = applied.iter().any(|row| row.set_name == Set::Brokerage.name());
    let done: HashSet<(String, String)> = applied.into_iter().map(|row| (row.set_name, row.version)).collect();
    let mut missing = Vec::new();
    for set in [Set::Dispatch, Set::Brokerage].into_iter().filter(|set| *set == Set::Dispatch || ours) {
        let all = MigrationSource::<Pg>::migrations(&set.source());
        let all = all.map_err(|source| MigrateError::Failed { name: set.name().to_owned(), source })?;
        let lacking =
            all.iter().filter(|one| !done.contains(&(set.name().to_owned(), one.name().version().to_string())));
        missing.extend(lacking.map(|one| format!("{}/{}", set.name(), one.name())));
    }
    missing.sort();
    Ok(missing)
}
