//! What other roles may see of the records, and what readers of some columns can do by either name.

use crate::support::Stand;
use dispatch_cutover::{Connector as _, Stage};

/// As a role, what comes of it: the answer, or the SQLSTATE.
async fn asked(stand: &Stand, role: &str, sql: &str) -> String {
    let client = stand.door.connect("somebody").await.unwrap();
    client.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    match client.simple_query(sql).await {
        Ok(_) => "done".to_owned(),
        Err(error) => error.code().unwrap().code().to_owned(),
    }
}

#[tokio::test]
async fn supabases_roles_may_not_see_the_records_whatever_default_privileges_say() {
    let stand = Stand::hostile().await;
    // Not of one schema: these would reach the engine's own.
    stand
        .database
        .execute(
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO anon, authenticated, service_role;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, anon, authenticated, service_role;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, anon, authenticated, service_role",
        )
        .await;
    stand.verified().await;
    for role in ["anon", "authenticated", "service_role"] {
        for table in ["run", "step", "event"] {
            assert_eq!(asked(&stand, role, &format!("SELECT FROM dispatch_cutover.{table}")).await, "42501", "{role}");
            let has = format!(
                "SELECT has_table_privilege('{role}', 'dispatch_cutover.{table}', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')::int"
            );
            assert_eq!(stand.number(&has).await, 0, "{role} on {table}");
        }
        let pause = "UPDATE dispatch_cutover.run SET paused = true";
        assert_eq!(asked(&stand, role, pause).await, "42501", "{role}");
        assert_eq!(asked(&stand, role, "CREATE TABLE dispatch_cutover.x ()").await, "42501", "{role}");
    }
    stand.done(Stage::Switch).await;
}

/// A view asks its invoker for all of its columns, whichever are read: there is no way for such a role to read by the other
/// name that keeps row level security. What it may write by column, it may write by either name.
#[tokio::test]
async fn a_reader_of_some_columns_keeps_the_name_that_the_table_has() {
    let stand = Stand::hostile().await;
    let database = stand.number("SELECT oid::bigint FROM pg_database WHERE datname = current_database()").await;
    let role = format!("part_{database}");
    stand
        .database
        .execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA public TO {role};
             GRANT SELECT (task_id, status), UPDATE (status) ON activities TO {role};
             CREATE POLICY part ON activities TO {role} USING (true)"
        ))
        .await;
    stand.done(Stage::Preflight).await;
    assert!(stand.heard.all().iter().any(|event| {
        event["code"] == "column_readers"
            && event["reason"].as_str().is_some_and(|reason| reason.contains(&role))
            && event["cure"]
                .as_str()
                .is_some_and(|cure| cure.contains(&format!("GRANT SELECT ON \"public\".\"activities\" TO \"{role}\"")))
    }));
    stand.verified().await;
    let (old, new) =
        ("SELECT task_id, status FROM activities", "SELECT mission_id, mission_status FROM dispatch_activities");
    assert_eq!((asked(&stand, &role, old).await.as_str(), asked(&stand, &role, new).await.as_str()), ("done", "42501"));
    // The grant itself is mapped all the same: as on the table, nothing more and nothing less.
    let mapped = format!(
        "SELECT (has_column_privilege('{role}', 'dispatch_activities', 'mission_status', 'SELECT')
            AND NOT has_column_privilege('{role}', 'dispatch_activities', 'name', 'SELECT'))::int"
    );
    assert_eq!(stand.number(&mapped).await, 1);
    for write in ["UPDATE activities SET status = 'DONE'", "UPDATE dispatch_activities SET mission_status = 'DONE'"] {
        assert_eq!(asked(&stand, &role, write).await, "done", "{write}");
    }
    stand.done(Stage::Switch).await;
    assert_eq!((asked(&stand, &role, old).await.as_str(), asked(&stand, &role, new).await.as_str()), ("42501", "done"));
    // The cure.
    stand.database.execute(&format!("GRANT SELECT ON dispatch_activities TO {role}")).await;
    stand.done(Stage::Expand).await;
    assert_eq!((asked(&stand, &role, old).await.as_str(), asked(&stand, &role, new).await.as_str()), ("done", "done"));
    stand.database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}
