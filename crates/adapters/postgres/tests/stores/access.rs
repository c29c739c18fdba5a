//! Who may look into schema `dispatch`: nobody but Dispatch, whatever Supabase grants by default.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::testing::TestDatabase;

use crate::support::text;

/// Supabase's default privileges, in a schema and without one.
const SUPABASE: &str = "
DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE service_role NOLOGIN BYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;";

/// Runs `statement`; answers how many rows it gave or changed.
async fn run(connection: &mut AsyncPgConnection, statement: &str) -> Result<usize, diesel::result::Error> {
    use diesel_async::RunQueryDsl as _;
    diesel::sql_query(statement).execute(connection).await
}

async fn refused(connection: &mut AsyncPgConnection, role: &str, statement: &str) -> bool {
    connection.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    let refused = run(connection, statement).await;
    connection.batch_execute("RESET ROLE").await.unwrap();
    refused.is_err_and(|error| error.to_string().contains("permission denied"))
}

#[tokio::test]
async fn supabase_roles_are_refused_whatever_they_get_by_default() {
    let database = TestDatabase::legacy(SUPABASE).await;
    migrate::run(database.url(), Which::All).await.unwrap();
    let mut connection = database.connect().await;
    let tables = database
        .json("SELECT relname AS name FROM pg_class WHERE relnamespace = 'dispatch'::regnamespace AND relkind IN ('r', 'v', 'p')")
        .await;
    assert!(tables.len() >= 11, "{tables:?}");
    for role in ["anon", "authenticated", "service_role"] {
        for table in &tables {
            let table = text(table, "name");
            for statement in [
                format!("SELECT * FROM dispatch.{table}"),
                format!("DELETE FROM dispatch.{table}"),
                format!("TRUNCATE dispatch.{table}"),
            ] {
                assert!(refused(&mut connection, role, &statement).await, "{role}: {statement}");
            }
        }
        assert!(refused(&mut connection, role, "SELECT dispatch.install_mission_triggers()").await, "{role}");
    }
    // Even with the door open, every room is locked.
    connection.batch_execute("GRANT USAGE ON SCHEMA dispatch TO anon").await.unwrap();
    for table in tables.iter().map(|row| text(row, "name")) {
        assert!(refused(&mut connection, "anon", &format!("SELECT * FROM dispatch.{table}")).await, "dispatch.{table}");
    }
}

#[tokio::test]
async fn the_brokerage_may_be_read_as_supabase_arranges_it() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    dispatch_postgres::store::seed::brokerage(&mut connection).await.unwrap();
    database
        .execute(
            "INSERT INTO dispatch_activities (mission_id, listing_id, name, deleted_at)
             VALUES ('m1', 'listing-logan', 'seen', NULL), ('m2', 'listing-logan', 'deleted', now())",
        )
        .await;
    connection.batch_execute("SET ROLE anon").await.unwrap();
    let seen = run(&mut connection, "SELECT * FROM dispatch_activities").await.unwrap();
    assert_eq!(seen, 1, "not the deleted one");
    for (hidden, rows) in [("staff", 0), ("realtors", 0), ("slack_messages", 0), ("listings", 5)] {
        let found = run(&mut connection, &format!("SELECT * FROM {hidden}")).await.unwrap();
        assert_eq!(found, rows, "{hidden}");
    }
    connection
        .batch_execute(
            "RESET ROLE; SET ROLE authenticated; SET request.jwt.claim.sub = '11111111-1111-1111-1111-111111111111'",
        )
        .await
        .unwrap();
    let note = |author: &str| {
        format!(
            "INSERT INTO listing_notes (note_id, listing_id, content, created_by) VALUES (gen_random_uuid(), 'listing-logan', 'x', '{author}')"
        )
    };
    assert!(run(&mut connection, &note("somebody else")).await.is_err());
    run(&mut connection, &note("11111111-1111-1111-1111-111111111111")).await.unwrap();
}

#[tokio::test]
async fn whoever_changes_a_mission_changes_its_version() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "INSERT INTO dispatch_agent_tasks (mission_id, name) VALUES ('m1', 'made by hand');
             SET ROLE service_role;
             UPDATE dispatch_agent_tasks SET mission_status = 'CLAIMED';
             UPDATE dispatch_agent_tasks SET mission_status = 'DONE'",
        )
        .await;
    let fact = &database.json("SELECT * FROM dispatch.mission_facts").await[0];
    assert_eq!((text(fact, "mission_id"), text(fact, "kind"), &fact["version"]), ("m1", "agent_task", &3.into()));
}
