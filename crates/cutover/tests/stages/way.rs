//! The whole way and back: what changes, what never does, and that everything may be repeated.

use crate::support::Stand;
use dispatch_cutover::{Position, Stage, Stop};
use std::time::Duration;

const LEGACY: &str = "r-r-";
const EXPANDED: &str = "rvrv";
const SWITCHED: &str = "vrvr";
const CONTRACTED: &str = "-r-r";

/// Writes through one name and reads it through the other, with the words of each.
async fn both_names_work(stand: &Stand, mark: &str) {
    let sql = format!(
        "INSERT INTO activities (task_id, listing_id, name, task_category) VALUES ('o-{mark}', 'l1', 'old', 'ADMIN');
         INSERT INTO dispatch_activities (mission_id, listing_id, name) VALUES ('n-{mark}', 'l1', 'new');
         UPDATE dispatch_activities SET mission_status = 'DONE' WHERE mission_id = 'o-{mark}';
         UPDATE activities SET status = 'CLAIMED' WHERE task_id = 'n-{mark}';
         INSERT INTO agent_tasks (task_id, realtor_id, name, task_category, task_key) VALUES ('x-{mark}', 'r1', 'a', 'ADMIN', 'k-{mark}');
         INSERT INTO dispatch_agent_tasks (mission_id, realtor_id, name, mission_type, task_key)
            VALUES ('y-{mark}', 'r1', 'b', 'ADMIN', 'k-{mark}') ON CONFLICT (realtor_id, task_key) DO UPDATE SET name = excluded.name;"
    );
    stand.database.execute(&sql).await;
    let seen = |table: &str, id: &str, status: &str| {
        format!(
            "SELECT count(*) FROM {table} WHERE ({id}, {status}) IN (('o-{mark}', 'DONE'), ('n-{mark}', 'CLAIMED'))"
        )
    };
    assert_eq!(stand.number(&seen("activities", "task_id", "status")).await, 2, "{mark}");
    assert_eq!(stand.number(&seen("dispatch_activities", "mission_id", "mission_status")).await, 2, "{mark}");
    let upserted = format!("SELECT count(*) FROM agent_tasks WHERE task_id = 'x-{mark}' AND name = 'b'");
    assert_eq!(stand.number(&upserted).await, 1, "{mark}");
}

async fn once_more(stand: &Stand, stage: Stage) {
    let kinds = stand.kinds().await;
    assert!(!stand.done(stage).await, "{}: the second time changes nothing", stage.as_str());
    assert_eq!(stand.kinds().await, kinds);
}

#[tokio::test]
async fn there_and_back_nothing_is_lost() {
    let mut stand = Stand::hostile().await;
    let before = stand.identity(true).await;
    assert!(stand.done(Stage::Expand).await);
    once_more(&stand, Stage::Expand).await;
    assert_eq!(stand.kinds().await, EXPANDED);
    both_names_work(&stand, "expanded").await;
    once_more(&stand, Stage::Backfill).await;
    stand.done(Stage::Verify).await;
    once_more(&stand, Stage::Verify).await;

    assert!(stand.done(Stage::Switch).await);
    once_more(&stand, Stage::Switch).await;
    assert_eq!(stand.kinds().await, SWITCHED);
    both_names_work(&stand, "switched").await;
    assert_eq!(stand.identity(true).await, before);
    assert_eq!(stand.number("SELECT count(*) FROM open_work WHERE task_id = 'n-switched'").await, 0);
    assert!(stand.number("SELECT count_open()").await > 0, "functions by text go on");

    assert!(stand.done(Stage::Rollback).await);
    once_more(&stand, Stage::Rollback).await;
    assert_eq!(stand.kinds().await, EXPANDED, "both names stay after a rollback");
    both_names_work(&stand, "back").await;
    assert_eq!(stand.identity(true).await, before);

    assert!(stand.done(Stage::Switch).await, "the same verify still counts");
    let told = stand.refused(Stage::Contract, 78).await;
    assert!(told.contains("30 minutes"), "{told}");
    assert_eq!(stand.kinds().await, SWITCHED);
    assert!(stand.contract().await.unwrap().changed);
    assert!(!stand.contract().await.unwrap().changed);
    assert_eq!(stand.kinds().await, CONTRACTED);
    let unnamed = stand.identity(false).await;
    let listing = "SELECT count(*) FROM dispatch_activities WHERE mission_id LIKE '_-%'";
    assert_eq!(stand.number(listing).await, 6);

    assert!(stand.done(Stage::Rollback).await, "even from here");
    once_more(&stand, Stage::Rollback).await;
    assert_eq!(stand.kinds().await, SWITCHED);
    both_names_work(&stand, "restored").await;
    assert_eq!(stand.identity(true).await, before, "the old names of constraints, indexes and policies too");
    assert_eq!(stand.identity(false).await, unnamed);
    stand.options.rollback_to = Some(Position::Legacy);
    assert!(stand.done(Stage::Rollback).await);
    assert_eq!(stand.kinds().await, LEGACY);
    assert_eq!(stand.identity(true).await, before);
}

#[tokio::test]
async fn an_expand_alone_is_taken_back_whole() {
    let stand = Stand::hostile().await;
    stand.done(Stage::Expand).await;
    assert!(stand.done(Stage::Rollback).await);
    once_more(&stand, Stage::Rollback).await;
    assert_eq!(stand.kinds().await, LEGACY);
    // And again, from the beginning.
    assert!(stand.done(Stage::Expand).await);
    assert_eq!(stand.kinds().await, EXPANDED);
}

#[tokio::test]
async fn contract_gives_policies_constraints_and_indexes_their_new_names() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.done(Stage::Switch).await;
    let told = {
        stand.options.hold = Duration::ZERO;
        stand.refused(Stage::Contract, 2).await
    };
    assert!(told.contains("--yes"), "{told}");
    stand.contract().await.unwrap();
    let policies = "SELECT count(*) FROM pg_policies WHERE policyname = 'Public can read dispatch missions'";
    assert_eq!(stand.number(policies).await, 2);
    let old = "SELECT count(*) FROM pg_class WHERE relname ~ '(listing_tasks|stray_tasks)' AND relkind = 'i'";
    assert_eq!(stand.number(old).await, 0);
    let new = "SELECT count(*) FROM pg_constraint WHERE conname IN ('dispatch_activities_mission_type_check',
        'dispatch_activities_mission_status_check', 'dispatch_agent_tasks_realtor_id_task_key_key', 'dispatch_activities_pkey')";
    assert_eq!(stand.number(new).await, 4);
    let triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname ILIKE '%cutover%'";
    assert_eq!(stand.number(triggers).await, 0);
}

#[tokio::test]
async fn looking_changes_nothing() {
    let stand = Stand::hostile().await;
    let all = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) AS hash FROM (
        SELECT concat(oid, relname, relkind, relacl) AS t FROM pg_class UNION ALL SELECT concat(oid, nspname, nspacl) FROM pg_namespace
        UNION ALL SELECT concat(oid, proname) FROM pg_proc UNION ALL SELECT concat(attrelid, attname, attnum) FROM pg_attribute) AS x";
    let before = stand.database.json(all).await;
    stand.done(Stage::Plan).await;
    stand.done(Stage::Preflight).await;
    stand.done(Stage::Status).await;
    assert_eq!(stand.database.json(all).await, before);
    let told = stand.heard.all();
    let planned: Vec<&str> = told.iter().filter_map(|event| event["sql"].as_str()).collect();
    assert!(planned.iter().any(|sql| sql.contains("security_invoker")), "{planned:?}");
    assert!(planned.iter().all(|sql| !sql.contains("DROP TABLE") && !sql.contains("VACUUM")));

    let mut dry = Stand::hostile().await;
    dry.options.dry_run = true;
    let before = dry.database.json(all).await;
    for stage in [Stage::Expand, Stage::Rollback] {
        assert!(!dry.done(stage).await);
    }
    assert_eq!(dry.database.json(all).await, before);
}

#[tokio::test]
async fn what_is_not_due_is_refused_with_the_cure() {
    let stand = Stand::hostile().await;
    for stage in [Stage::Backfill, Stage::Verify, Stage::Switch] {
        assert!(stand.refused(stage, 64).await.contains("expand"), "{}", stage.as_str());
    }
    assert!(stand.refused(Stage::Contract, 64).await.contains("switch"));
    assert!(!stand.done(Stage::Rollback).await, "there is nothing to take back");
    stand.done(Stage::Expand).await;
    assert!(stand.refused(Stage::Switch, 64).await.contains("verify"));
}

#[tokio::test]
async fn things_go_wrong_after_the_switch_and_it_goes_back_by_itself() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.options.watch = Some(Duration::from_secs(20));
    stand.options.watch_every = Duration::from_millis(100);
    let harm = async {
        crate::support::eventually("the switch", async || stand.kinds().await == SWITCHED).await;
        stand.database.execute("REVOKE SELECT ON activities FROM anon").await;
    };
    let (outcome, ()) = tokio::join!(stand.run(Stage::Switch), harm);
    assert!(matches!(outcome, Err(Stop::RolledBack(_))), "{outcome:?}");
    assert_eq!(outcome.unwrap_err().exit_code(), 3);
    assert_eq!(stand.kinds().await, EXPANDED);
    both_names_work(&stand, "afterwards").await;
    let events = "SELECT count(*) FROM dispatch_cutover.event WHERE what = 'auto_rollback'";
    assert_eq!(stand.number(events).await, 1);
    // Undisturbed, and disarmed.
    stand.done(Stage::Verify).await;
    stand.options.watch = Some(Duration::from_millis(400));
    stand.done(Stage::Switch).await;
    stand.options.auto_rollback = false;
    stand.database.execute("REVOKE SELECT ON activities FROM anon").await;
    assert!(stand.refused(Stage::Switch, 1).await.contains("no-auto-rollback"));
    assert_eq!(stand.kinds().await, SWITCHED);
}
