//! What `preflight` finds. Each finding has something that makes it, and a database without it where it is not found.

use crate::support::{Stand, eventually};
use dispatch_cutover::{Spec, Stage};
use std::path::Path;

/// What is done to a database, and the finding that must follow.
const FINDINGS: &[(&str, &str)] = &[
    ("CREATE TABLE dispatch_activities (x int)", "block name_taken"),
    ("CREATE VIEW dispatch_activities AS SELECT 1 AS x", "block name_taken"),
    ("CREATE SEQUENCE dispatch_agent_tasks", "block name_taken"),
    ("ALTER TABLE activities ADD COLUMN mission_status text", "block column_taken"),
    ("CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.\"status\" = 'x' THEN RETURN NULL; END IF; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE INSERT ON activities FOR EACH ROW EXECUTE FUNCTION t()", "block trigger_function"),
    ("CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM to_jsonb(NEW) ->> 'status'; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE INSERT ON activities FOR EACH ROW EXECUTE FUNCTION t()", "warn trigger_mentions"),
    ("CREATE FUNCTION f() RETURNS SETOF activities LANGUAGE sql AS $$ SELECT * FROM activities $$", "block row_type_function"),
    ("CREATE FUNCTION f(a activities) RETURNS text LANGUAGE sql AS $$ SELECT a.status $$", "block row_type_function"),
    ("CREATE FUNCTION f(a activities) RETURNS text LANGUAGE sql AS $$ SELECT a.name $$", "warn row_type_argument"),
    ("CREATE RULE r AS ON DELETE TO activities DO INSTEAD NOTHING", "block rules"),
    ("CREATE TABLE child () INHERITS (activities)", "block unsuitable_table"),
    ("ALTER TABLE activities RENAME TO a2; CREATE TABLE activities (task_id text) PARTITION BY LIST (task_id)", "block unsuitable_table"),
    ("CREATE SCHEMA app; CREATE TABLE app.dispatch_activities (x int);
      DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = app, public', current_database()); END $$", "block shadowed"),
    ("ALTER TABLE activities FORCE ROW LEVEL SECURITY", "warn forced_row_security"),
    ("SELECT 1", "warn column_readers"),
    ("SELECT 1", "warn realtime"),
    ("SELECT 1", "warn default_refused"),
    ("SELECT 1", "warn not_validated"),
    ("SELECT 1", "warn wide_defaults"),
    ("SELECT 1", "warn views_mention"),
    ("SELECT 1", "warn functions_mention"),
];

#[tokio::test]
async fn everything_that_stands_in_the_way_is_found() {
    let mut wrong = Vec::new();
    for (harm, finding) in FINDINGS {
        let stand = Stand::hostile().await;
        stand.database.execute(harm).await;
        let outcome = stand.run(Stage::Preflight).await;
        let found = stand.heard.findings();
        let code = outcome.as_ref().err().map_or(0, dispatch_cutover::Stop::exit_code);
        let as_meant = code == if finding.starts_with("block") { 64 } else { 0 };
        if !found.iter().any(|each| each == finding) || !as_meant {
            wrong.push(format!("{harm}: wants {finding}, exit {code}, found {found:?}"));
        }
        if finding.starts_with("block") && stand.run(Stage::Expand).await.is_ok() {
            wrong.push(format!("{harm}: was expanded"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sound = Stand::hostile().await;
    sound.done(Stage::Preflight).await;
    let found = sound.heard.findings();
    for (harm, finding) in FINDINGS.iter().filter(|(harm, _)| *harm != "SELECT 1") {
        assert!(!found.iter().any(|each| each == finding), "{finding} without {harm}");
    }
}

#[tokio::test]
async fn a_hook_takes_care_of_a_trigger_function() {
    let function = |word: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.description := NEW.{word}; RETURN NEW; END $f$"
        )
    };
    let stand = Stand::hostile().await;
    stand
        .database
        .execute(&format!(
            "{}; CREATE TRIGGER t BEFORE INSERT ON activities FOR EACH ROW EXECUTE FUNCTION t()",
            function("status")
        ))
        .await;
    stand.refused(Stage::Preflight, 64).await;
    let mut spec = Spec::embedded().unwrap();
    spec.tables[0].hooks.push(dispatch_cutover::Hook {
        functions: vec!["public.t".to_owned()],
        on_switch: function("mission_status"),
        on_rollback: function("status"),
    });
    let mut stand = stand;
    stand.options.spec = spec;
    stand.verified().await;
    for (stage, id) in [(Stage::Switch, "1"), (Stage::Rollback, "2")] {
        stand.done(stage).await;
        stand
            .database
            .execute(&format!("INSERT INTO activities (task_id, listing_id, name) VALUES ('h{id}', 'l1', 'x')"))
            .await;
        let written = format!("SELECT count(*) FROM activities WHERE task_id = 'h{id}' AND description = 'OPEN'");
        assert_eq!(stand.number(&written).await, 1, "{}", stage.as_str());
    }
}

#[tokio::test]
async fn what_is_absent_is_skipped_and_nothing_at_all_is_refused() {
    let stand =
        Stand::with(&["CREATE TABLE agent_tasks (task_id text PRIMARY KEY, task_status text, other int)"]).await;
    stand.verified().await;
    assert!(stand.heard.findings().contains(&"warn absent".to_owned()));
    stand.done(Stage::Switch).await;
    stand.database.execute("INSERT INTO dispatch_agent_tasks (mission_id, mission_status) VALUES ('1', 'OPEN')").await;
    assert_eq!(stand.number("SELECT count(*) FROM agent_tasks WHERE task_status = 'OPEN'").await, 1);
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.number("SELECT count(*) FROM agent_tasks WHERE task_status = 'OPEN'").await, 1);
    Stand::with(&[]).await.refused(Stage::Expand, 64).await;
}

#[tokio::test]
async fn two_renames_do_not_run_at_once() {
    let stand = Stand::hostile().await;
    stand.done(Stage::Expand).await;
    let stand = stand.spec("name = 'other'\n[[table]]\nfrom = 'listings'\nto = 'properties'");
    assert!(stand.refused(Stage::Expand, 64).await.contains("another_run"));
}

#[tokio::test]
async fn somebody_who_listens_through_realtime_is_waited_for() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.database.execute("CREATE SCHEMA realtime; CREATE TABLE realtime.subscription (entity regclass); INSERT INTO realtime.subscription VALUES ('activities')").await;
    assert!(stand.refused(Stage::Switch, 64).await.contains("--accept-realtime-rename"));
    stand.options.accept_realtime_rename = true;
    stand.done(Stage::Switch).await;
}

/// Whoever receives the log as a standby does is one, as far as the primary can tell.
#[tokio::test]
async fn a_standby_that_streams_is_named() {
    let stand = Stand::hostile().await;
    let rows = stand.database.json("SELECT setting FROM pg_config WHERE name = 'BINDIR'").await;
    let program = Path::new(rows[0]["setting"].as_str().unwrap()).join("pg_receivewal");
    if !program.exists() {
        return; // This PostgreSQL came without its programs.
    }
    let folder = std::env::temp_dir().join(format!("dispatch-standby-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("{}&application_name=night_reports", stand.database.url().expose());
    let mut command = tokio::process::Command::new(program);
    command.arg("-D").arg(&folder).args(["-d", &url]).kill_on_drop(true);
    let mut receiver = command.spawn().unwrap();
    let streams = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'night_reports'";
    eventually("the standby", async || stand.number(streams).await == 1).await;
    stand.done(Stage::Preflight).await;
    let named = stand.heard.all().into_iter().any(|event| {
        event["code"] == "standbys"
            && event["level"] == "warn"
            && event["reason"].as_str().unwrap().contains("night_reports")
    });
    receiver.kill().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(named, "{:?}", stand.heard.all());
}
