//! Diesel's migration harness with records of our own: one table in schema `dispatch` that keeps both sets apart.
//!
//! Diesel's default table has no place for a set and would stand in `public`, which is not ours. It must not decide
//! what is run.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationVersion, Result};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::MigrationHarness;

use super::{MigrateError, Set};

/// The connection as diesel's blocking migrations want it.
pub(super) type SyncConnection = AsyncConnectionWrapper<AsyncPgConnection>;

/// Makes the records' table. How long DDL may wait for a busy table is limited too: all who come after would wait for it.
pub(super) fn prepare(connection: &mut SyncConnection) -> std::result::Result<(), MigrateError> {
    connection
        .batch_execute(
            "SET client_min_messages = warning;
             SET lock_timeout = '10s';
             DO $$
             DECLARE
                 is_new boolean := to_regnamespace('dispatch') IS NULL;
             BEGIN
                 CREATE SCHEMA IF NOT EXISTS dispatch;
                 CREATE TABLE IF NOT EXISTS dispatch.schema_migrations (
                     set_name text NOT NULL,
                     version text NOT NULL,
                     applied_at timestamptz NOT NULL DEFAULT now(),
                     PRIMARY KEY (set_name, version)
                 );
                 IF is_new THEN
                     COMMENT ON TABLE dispatch.schema_migrations IS 'What is applied. Made together with its schema.';
                 END IF;
             END
             $$;",
        )
        .map_err(MigrateError::Records)
}

/// Removes the records, and the schema if we made it and nothing else is in it.
#[cfg(feature = "testing")]
pub(super) fn forget(connection: &mut SyncConnection) -> std::result::Result<(), MigrateError> {
    connection
        .batch_execute(
            "DO $$
             DECLARE
                 is_ours boolean := obj_description('dispatch.schema_migrations'::regclass, 'pg_class') LIKE '%together with its schema%';
             BEGIN
                 DROP TABLE dispatch.schema_migrations;
                 IF is_ours THEN
                     DROP SCHEMA dispatch RESTRICT;
                 END IF;
             EXCEPTION
                 WHEN dependent_objects_still_exist THEN
                     DROP TABLE IF EXISTS dispatch.schema_migrations;
             END
             $$",
        )
        .map_err(MigrateError::Records)
}

/// Runs the migrations of one set.
pub(super) struct Harness<'a> {
    connection: &'a mut SyncConnection,
    set: Set,
}

impl<'a> Harness<'a> {
    pub(super) fn new(connection: &'a mut SyncConnection, set: Set) -> std::result::Result<Self, MigrateError> {
        let path = format!("SET search_path TO {}", set.search_path());
        connection.batch_execute(&path).map_err(MigrateError::Records)?;
        Ok(Self { connection, set })
    }

    /// The migration and its record, together or not at all where the migration allows it.
    fn step(
        &mut self,
        migration: &dyn Migration<Pg>,
        record: &str,
        change: impl FnOnce(&mut SyncConnection) -> Result<()>,
    ) -> Result<MigrationVersion<'static>> {
        let version = migration.name().version().as_owned();
        let set = self.set.name();
        // The record first: the way back of the first migration may drop the schema that holds the records.
        let both = |connection: &mut SyncConnection| -> Result<()> {
            diesel::sql_query(record).bind::<Text, _>(set).bind::<Text, _>(version.to_string()).execute(connection)?;
            change(connection)
        };
        if migration.metadata().run_in_transaction() {
            self.connection.transaction(both)?;
        } else {
            both(self.connection)?;
        }
        Ok(version)
    }
}

impl MigrationHarness<Pg> for Harness<'_> {
    fn run_migration(&mut self, migration: &dyn Migration<Pg>) -> Result<MigrationVersion<'static>> {
        if migration.metadata().run_in_transaction() {
            let record = "INSERT INTO dispatch.schema_migrations (set_name, version) VALUES ($1, $2)";
            return self.step(migration, record, |connection| migration.run(connection));
        }
        // Without a transaction the record comes last: a failure in the middle must be tried again.
        migration.run(self.connection)?;
        diesel::sql_query("INSERT INTO dispatch.schema_migrations (set_name, version) VALUES ($1, $2)")
            .bind::<Text, _>(self.set.name())
            .bind::<Text, _>(migration.name().version().to_string())
            .execute(self.connection)?;
        Ok(migration.name().version().as_owned())
    }

    fn revert_migration(&mut self, migration: &dyn Migration<Pg>) -> Result<MigrationVersion<'static>> {
        let record = "DELETE FROM dispatch.schema_migrations WHERE set_name = $1 AND version = $2";
        self.step(migration, record, |connection| migration.revert(connection))
    }

    /// Newest first, as diesel has it.
    fn applied_migrations(&mut self) -> Result<Vec<MigrationVersion<'static>>> {
        #[derive(QueryableByName)]
        struct Applied {
            #[diesel(sql_type = Text)]
            version: String,
        }
        let applied: Vec<Applied> = diesel::sql_query(
            "SELECT version FROM dispatch.schema_migrations WHERE set_name = $1 ORDER BY version DESC",
        )
        .bind::<Text, _>(self.set.name())
        .load(self.connection)?;
        Ok(applied.into_iter().map(|row| row.version.into()).collect())
    }
}
