//! What `verify` finds, and that `switch` believes nothing else.

use crate::support::{HOSTILE, LEGACY, Stand};
use dispatch_cutover::Stage;

const HIDES_ONE: &str = "CREATE OR REPLACE VIEW dispatch_agent_tasks AS SELECT task_id AS mission_id, realtor_id, task_key, name,
    description, task_category AS mission_type, listing_id, status AS mission_status, priority, assigned_staff_id, due_date,
    claimed_at, completed_at, notes, inputs, outputs, created_at, updated_at, deleted_at, deleted_by, \"a;b--c\", shouted
    FROM agent_tasks WHERE task_id <> 't000000007'";

#[tokio::test]
async fn a_hidden_row_is_found_and_named_and_no_switch_follows() {
    let stand = Stand::hostile().await;
    stand.verified().await;
    stand.database.execute(HIDES_ONE).await;
    assert!(stand.refused(Stage::Switch, 64).await.contains("expand"), "even with a verify that is young");
    let told = stand.refused(Stage::Verify, 1).await;
    assert!(told.contains("t000000007"), "{told}");
    stand.refused(Stage::Switch, 64).await;
    assert!(stand.done(Stage::Expand).await, "makes the view anew");
    let told = stand.refused(Stage::Switch, 64).await;
    assert!(told.contains("not_verified"), "{told}");
    stand.done(Stage::Verify).await;
    stand.done(Stage::Switch).await;
}

#[tokio::test]
async fn a_view_that_was_changed_is_found() {
    for harm in [
        "ALTER VIEW dispatch_activities RESET (security_invoker)",
        "GRANT DELETE ON dispatch_activities TO anon",
        "REVOKE SELECT ON dispatch_activities FROM anon",
        "GRANT UPDATE (mission_id) ON dispatch_agent_tasks TO authenticated",
        "ALTER VIEW dispatch_agent_tasks OWNER TO service_role",
    ] {
        let stand = Stand::hostile().await;
        stand.verified().await;
        stand.database.execute(harm).await;
        stand.refused(Stage::Switch, 64).await;
        stand.refused(Stage::Verify, 1).await;
        stand.done(Stage::Expand).await;
        stand.done(Stage::Verify).await;
        stand.done(Stage::Switch).await;
    }
}

#[tokio::test]
async fn a_change_of_the_table_means_another_plan() {
    let stand = Stand::hostile().await;
    stand.verified().await;
    stand.database.execute("ALTER TABLE activities ADD COLUMN late text").await;
    assert!(stand.refused(Stage::Switch, 64).await.contains("drift"));
    assert!(stand.done(Stage::Expand).await, "the view gets the column");
    stand.done(Stage::Verify).await;
    stand.done(Stage::Switch).await;
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE late IS NULL").await, 200);
    // After the switch the view of the old names is refreshed.
    stand.database.execute("ALTER TABLE dispatch_activities ADD COLUMN later text").await;
    assert!(stand.done(Stage::Expand).await);
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE later IS NULL").await, 200);
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.number("SELECT count(*) FROM dispatch_activities WHERE later IS NULL").await, 200);
}

#[tokio::test]
async fn a_change_that_leaves_the_plan_makes_verify_due_again() {
    let stand = Stand::hostile().await;
    stand.verified().await;
    stand.database.execute("DROP POLICY \"Staff work on listing tasks\" ON activities").await;
    assert!(stand.refused(Stage::Switch, 64).await.contains("verify"));
    // Dispatch's own trigger comes when its server finds the new names, and counts for nothing.
    stand.done(Stage::Verify).await;
    stand
        .database
        .execute(
            "CREATE SCHEMA dispatch; CREATE FUNCTION dispatch.note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER ours AFTER UPDATE ON activities FOR EACH ROW EXECUTE FUNCTION dispatch.note()",
        )
        .await;
    stand.done(Stage::Switch).await;
}

#[tokio::test]
async fn tables_without_rows_and_without_a_key_are_compared_too() {
    let stand = Stand::with(&[LEGACY, HOSTILE, "ALTER TABLE activity_notes DROP CONSTRAINT activity_notes_task_id_fkey;
        ALTER TABLE activities DROP CONSTRAINT listing_tasks_pkey; INSERT INTO activities (listing_id, name) VALUES ('l1', 'one')"]).await;
    stand.verified().await;
    stand.done(Stage::Switch).await;
    stand.done(Stage::Verify).await;
}

/// Six questions of each role by each name that exists: the same answers at every moment.
#[tokio::test]
async fn every_role_may_do_the_same_by_either_name() {
    let mut stand = Stand::hostile().await;
    let mut first = None;
    for stage in [
        None,
        Some(Stage::Expand),
        Some(Stage::Verify),
        Some(Stage::Switch),
        Some(Stage::Rollback),
        Some(Stage::Switch),
        Some(Stage::Contract),
    ] {
        match stage {
            Some(Stage::Contract) => drop(stand.contract().await.unwrap()),
            Some(stage) => drop(stand.done(stage).await),
            None => {}
        }
        for new in [false, true] {
            if let Some(answers) = answers(&stand, new).await {
                assert_eq!(*first.get_or_insert_with(|| answers.clone()), answers, "{stage:?}, new names: {new}");
            }
        }
    }
    let answers = first.unwrap();
    assert_eq!(answers[0], "180", "anon does not see what is deleted: {answers:?}");
    assert!(answers.iter().any(|answer| answer.starts_with("refused")), "{answers:?}");
}

async fn answers(stand: &Stand, new: bool) -> Option<Vec<String>> {
    let (activities, tasks) =
        if new { ("dispatch_activities", "dispatch_agent_tasks") } else { ("activities", "agent_tasks") };
    if stand.kind(activities).await.is_empty() {
        return None;
    }
    let (id, status) = if new { ("mission_id", "mission_status") } else { ("task_id", "status") };
    let mut answers = Vec::new();
    for role in ["anon", "authenticated", "service_role"] {
        // What authenticated may read of agent tasks is some columns, which no view can give (finding `column_readers`).
        for question in [
            format!("SELECT count(*)::text AS n FROM {activities}"),
            format!("SELECT count(*)::text AS n FROM {tasks} WHERE priority = 0"),
            format!("SELECT count(notes)::text AS n FROM {tasks}"),
            format!(
                "WITH w AS (UPDATE {activities} SET {status} = 'DONE' WHERE {id} = 'a000000001' RETURNING 1) SELECT count(*)::text AS n FROM w"
            ),
            format!(
                "WITH w AS (UPDATE {activities} SET {status} = 'FAILED' WHERE {id} = 'a000000001' RETURNING 1) SELECT count(*)::text AS n FROM w"
            ),
            format!(
                "WITH w AS (DELETE FROM {activities} WHERE {id} = 'a000000002' RETURNING 1) SELECT count(*)::text AS n FROM w"
            ),
        ] {
            answers.push(asked(stand, role, &question).await);
        }
    }
    Some(answers)
}

async fn asked(stand: &Stand, role: &str, question: &str) -> String {
    use dispatch_cutover::Connector as _;
    let client = stand.door.connect("a client").await.unwrap();
    client.batch_execute(&format!("BEGIN; SET LOCAL ROLE {role}")).await.unwrap();
    let answer = client.simple_query(question).await;
    match answer {
        Ok(messages) => messages
            .iter()
            .find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .unwrap(),
        Err(error) => format!("refused {}", error.code().unwrap().code()),
    }
}
