//! Bringing a database to the state that this build expects.
//!
//! There are two sets. `dispatch` (schema `dispatch`) runs on every database. `brokerage` (tables in `public`) runs only
//! on a database that Dispatch itself created; where those tables are somebody else's, nothing of theirs is touched.
//! It must not know what the migrations hold.

mod error;
mod harness;
mod owner;
mod pending;

use std::time::Duration;

use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub use self::error::MigrateError;
use self::harness::{Harness, SyncConnection};
pub use self::owner::Brokerage;
pub use self::pending::pending;
use crate::connect::{self, DatabaseUrl, Session};

const DISPATCH: EmbeddedMigrations = embed_migrations!("../../../migrations/dispatch");
const BROKERAGE: EmbeddedMigrations = embed_migrations!("../../../migrations/brokerage");

/// The advisory lock that keeps two replicas from migrating at once ("dispatch" in ASCII).
const LOCK: i64 = 0x6469_7370_6174_6368;

/// How long a replica waits for another one's migrations.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which state these migrations are in; changes with every change to one of them.
#[cfg(feature = "testing")]
pub(crate) const FINGERPRINT: &str = env!("DISPATCH_MIGRATIONS");

/// One of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Dispatch,
    Brokerage,
}

impl Set {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Brokerage => "brokerage",
        }
    }

    fn source(self) -> EmbeddedMigrations {
        match self {
            Self::Dispatch => DISPATCH,
            Self::Brokerage => BROKERAGE,
        }
    }

    /// Where an unqualified name of this set belongs.
    fn search_path(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch, public",
            Self::Brokerage => "public",
        }
    }
}

/// How much to migrate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Both sets, the brokerage's only where it is ours.
    #[default]
    All,
    /// Schema `dispatch` alone.
    DispatchOnly,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The migrations that were applied, such as `dispatch/00000000000001_signals`.
    pub applied: Vec<String>,
    /// Whose the brokerage's tables are.
    pub brokerage: Brokerage,
}

/// Applies what is missing. Several replicas may call this at once: one works, the others wait and find it done.
///
/// # Errors
///
/// What stood in the way; migrations applied before it stay applied.
pub async fn run(url: &DatabaseUrl, which: Which) -> Result<Report, MigrateError> {
    locked(url, move |connection| {
        harness::prepare(connection)?;
        let mut applied = up(connection, Set::Dispatch)?;
        let brokerage = owner::of_brokerage(connection)?;
        let ours = matches!(brokerage, Brokerage::Created | Brokerage::Present);
        if which == Which::All && ours {
            applied.extend(up(connection, Set::Brokerage)?);
        }
        Ok(Report { applied, brokerage })
    })
    .await
}

/// Puts Dispatch's version trigger on the brokerage's mission tables, once these answer to the new names: for whoever has just
/// expanded them. Where there is no Dispatch yet, its migrations do it when they come. Nobody waits for it for long.
///
/// # Errors
///
/// When the tables could not be locked within ten tries, or the role does not own them.
pub async fn install_mission_triggers(url: &DatabaseUrl) -> Result<(), MigrateError> {
    const INSTALL: &str = "BEGIN; SET LOCAL lock_timeout = '50ms';
        DO $$ BEGIN
            IF to_regprocedure('dispatch.install_mission_triggers()') IS NOT NULL THEN
                PERFORM dispatch.install_mission_triggers();
            END IF;
        END $$;
        COMMIT";
    let session = Session {
        application_name: "dispatch triggers".to_owned(),
        statement_timeout: Duration::ZERO,
        lock_timeout: PATIENCE,
    };
    let mut connection = connect::open(url, &session).await?;
    let mut tries = 0;
    while let Err(error) = connection.batch_execute(INSTALL).await {
        connection.batch_execute("ROLLBACK").await.map_err(MigrateError::Records)?;
        tries += 1;
        if tries == 10 || !is_lock_timeout(&error) {
            return Err(MigrateError::Records(error));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Takes back everything that [`run`] did, newest first, and its records. For tests of the migrations.
///
/// # Errors
///
/// When a migration has no way back or the way fails.
#[cfg(feature = "testing")]
pub async fn revert_all(url: &DatabaseUrl) -> Result<Vec<String>, MigrateError> {
    locked(url, |connection| {
        harness::prepare(connection)?;
        let mut reverted = down(connection, Set::Brokerage)?;
        reverted.extend(down(connection, Set::Dispatch)?);
        harness::forget(connection)?;
        Ok(reverted)
    })
    .await
}

fn up(connection: &mut SyncConnection, set: Set) -> Result<Vec<String>, MigrateError> {
    let mut harness = Harness::new(connection, set)?;
    let pending = harness.pending_migrations(set.source()).map_err(|source| failed(set.name(), source))?;
    pending
        .iter()
        .map(|migration| {
            let name = format!("{}/{}", set.name(), migration.name());
            tracing::info!(migration = %name, "applying");
            harness.run_migration(migration.as_ref()).map_err(|source| failed(&name, source))?;
            Ok(name)
        })
        .collect()
}

#[cfg(feature = "testing")]
fn down(connection: &mut SyncConnection, set: Set) -> Result<Vec<String>, MigrateError> {
    let mut harness = Harness::new(connection, set)?;
    let reverted = harness.revert_all_migrations(set.source()).map_err(|source| failed(set.name(), source))?;
    Ok(reverted.iter().map(|version| format!("{}/{version}", set.name())).collect())
}

fn failed(name: &str, source: Box<dyn std::error::Error + Send + Sync>) -> MigrateError {
    MigrateError::Failed { name: name.to_owned(), source }
}

/// Does the work on a connection that holds the lock. Diesel's migrations are blocking, so they run beside the executor.
async fn locked<T: Send + 'static>(
    url: &DatabaseUrl,
    work: impl FnOnce(&mut SyncConnection) -> Result<T, MigrateError> + Send + 'static,
) -> Result<T, MigrateError> {
    let session = Session {
        application_name: "dispatch migrate".to_owned(),
        statement_timeout: Duration::ZERO,
        lock_timeout: PATIENCE,
    };
    let mut connection = connect::open(url, &session).await?;
    let held = diesel::sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(&mut connection).await;
    held.map_err(
        |error| if is_lock_timeout(&error) { MigrateError::Locked(PATIENCE) } else { MigrateError::Records(error) },
    )?;
    let worked = tokio::task::spawn_blocking(move || {
        let mut connection = AsyncConnectionWrapper::from(connection);
        let result = work(&mut connection);
        (result, connection.into_inner())
    });
    let (result, mut connection) = worked.await.map_err(|_| MigrateError::Interrupted)?;
    // The end of the session frees the lock as well; this only makes it sooner.
    let _best_effort = diesel::sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(&mut connection).await;
    result
}

fn is_lock_timeout(error: &diesel::result::Error) -> bool {
    error.to_string().contains("lock timeout")
}
