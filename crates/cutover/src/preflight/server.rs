//! What the server and its other sessions say.

use super::{block, warn};
use crate::engine::{Engine, Survey};
use crate::lock::{self, Lock};
use crate::position::Place;
use crate::quote::literal;
use crate::report::{Finding, Stop};
use crate::state;
use serde::Deserialize;

#[derive(Deserialize)]
struct Asked {
    standby: bool,
    deadlock_ms: u64,
    schema_create: bool,
    database: String,
    records: bool,
    records_writable: bool,
    database_create: bool,
    long: Vec<String>,
    prepared: Vec<String>,
    standbys: Vec<String>,
    free: i64,
}

const ASKED: &str = "SELECT json_build_object(
    'standby', pg_is_in_recovery(),
    'deadlock_ms', (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'),
    'schema_create', coalesce((SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = {schema}), false),
    'database', current_database(),
    'records', to_regnamespace('dispatch_cutover') IS NOT NULL,
    'records_writable', coalesce((SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = 'dispatch_cutover'), false),
    'database_create', has_database_privilege(current_database(), 'CREATE'),
    'long', (SELECT coalesce(json_agg('pid ' || pid || ' (' || coalesce(nullif(application_name, ''), 'unnamed') || ', '
            || coalesce(state, '?') || ', ' || extract(epoch FROM clock_timestamp() - xact_start)::int || ' s)'), '[]')
        FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND xact_start < clock_timestamp() - interval '5 seconds'),
    'prepared', (SELECT coalesce(json_agg(gid), '[]') FROM pg_catalog.pg_prepared_xacts
        WHERE database = current_database()),
    'standbys', (SELECT coalesce(json_agg(coalesce(nullif(application_name, ''), pid::text)), '[]')
        FROM pg_catalog.pg_stat_replication AS s
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS r
            WHERE r.active_pid = s.pid AND r.slot_type = 'logical')),
    'free', (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')
)::text";

pub(super) async fn check(engine: &Engine<'_>, survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let options = engine.options;
    let sql = ASKED.replace("{schema}", &literal(&options.spec.schema));
    let asked: Asked = engine.session.json("asking about the server", &sql).await?;
    let mut found = answers(engine, &asked);
    if survey.snapshot.server.version < 140_000 {
        let reason = "a killed runner may be noticed late by a server this old";
        found.push(warn("old_server", &asked.database, reason, "Upgrade to PostgreSQL 15 or newer"));
    }
    if let Some(holder) = lock::holder(&engine.session, Lock::Stage).await? {
        let reason = format!("a runner is at work ({})", holder.told());
        found.push(block("another_runner", &options.spec.name, reason, "Wait for it; `dispatch cutover status`"));
    }
    if let Some(other) = state::other_open(&engine.session, &options.spec).await? {
        let reason = format!("another rename is under way: {other}");
        found.push(block("another_run", &options.spec.name, reason, "Contract it or roll it back with its own --spec"));
    }
    let existing = survey.places.iter().filter(|place| matches!(place, Place::At(_))).count();
    let absent: Vec<&str> = engine
        .tables()
        .iter()
        .zip(&survey.places)
        .filter(|(_, place)| **place == Place::Absent)
        .map(|(table, _)| &*table.from)
        .collect();
    if existing > 0 && !absent.is_empty() {
        let cure = "It is skipped; nothing to do if that is right";
        found.push(warn("absent", &absent.join(", "), "there is no such table", cure));
    }
    Ok(found)
}

fn answers(engine: &Engine<'_>, asked: &Asked) -> Vec<Finding> {
    let (budget, schema) = (engine.options.budget.as_millis(), &engine.options.spec.schema);
    let (database, mut found) = (&asked.database, Vec::new());
    if asked.standby {
        found.push(block("standby", database, "this server is a standby", "Give the primary in DATABASE_URL"));
    }
    if u128::from(asked.deadlock_ms) <= budget + 10 {
        let reason =
            format!("deadlock_timeout is {} ms and the budget {budget} ms: clients could be killed", asked.deadlock_ms);
        found.push(block("deadlock_timeout", database, reason, "Set deadlock_timeout to 1s"));
    }
    if !asked.schema_create {
        let cure = format!("GRANT CREATE ON SCHEMA {schema} TO the role that owns the tables");
        found.push(block("no_create", schema, "you may not create anything in this schema", cure));
    }
    if asked.records && !asked.records_writable || !asked.records && !asked.database_create {
        let cure = "As an administrator: CREATE SCHEMA dispatch_cutover AUTHORIZATION <this role>";
        found.push(block(
            "no_records",
            database,
            "you may not create the schema dispatch_cutover for the records",
            cure,
        ));
    }
    for (code, subjects, reason, cure) in [
        (
            "long_transactions",
            &asked.long,
            "transactions are open for more than 5 s",
            "`switch` waits for those that hold the tables",
        ),
        (
            "prepared_transactions",
            &asked.prepared,
            "prepared transactions exist",
            "Commit or roll back those that hold the tables",
        ),
        (
            "standbys",
            &asked.standbys,
            "standbys replay exclusive locks, which may cancel long reads there",
            "Switch when no report is running",
        ),
    ] {
        if !subjects.is_empty() {
            found.push(warn(code, database, format!("{reason}: {}", subjects.join(", ")), cure));
        }
    }
    if asked.free < 3 {
        let reason = format!("{} connections are free", asked.free);
        found.push(warn("connections", database, reason, "Leave room for a second look while it runs"));
    }
    found
}
