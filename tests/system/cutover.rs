//! The cut-over from outside: the rehearsal with every check, and the command line.

use crate::BINARY;
use dispatch_postgres::testing::TestDatabase;
use dispatch_tests::harness::server::Launch;
use serde_json::Value;
use tokio::process::Command;

const REHEARSE: &str = env!("CARGO_BIN_EXE_rehearse");
const TABLES: &str = "CREATE TABLE activities (task_id text PRIMARY KEY, status text);
    CREATE TABLE agent_tasks (task_id text PRIMARY KEY, status text);";

async fn rehearse(arguments: &[&str]) -> (bool, Vec<Value>) {
    let output = Command::new(REHEARSE).args(["--json", "--dispatch", BINARY]).args(arguments).output().await.unwrap();
    let rows = serde_json::from_slice(&output.stdout);
    (output.status.success(), rows.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

fn failing(rows: &[Value]) -> Vec<String> {
    let failing = rows.iter().filter(|row| row["holds"] == false);
    failing.map(|row| format!("{} {}: {}", row["id"], row["check"], row["measured"])).collect()
}

/// Checks of time: beside a whole suite of tests they say nothing. `cargo xtask cutover rehearse` judges them.
const TIMED: [&str; 5] = ["A5", "A6", "A7", "E1", "E2"];

#[tokio::test]
async fn every_check_holds_under_load_with_kills_and_blockers() {
    let (_, mut rows) = rehearse(&["--rows", "100000", "--quick"]).await;
    assert!(rows.len() > 40, "checks are missing: {}", rows.len());
    rows.retain(|row| !TIMED.contains(&row["id"].as_str().unwrap()));
    let failing = failing(&rows);
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

#[tokio::test]
async fn the_blueprints_own_statements_fail_the_same_checks() {
    let (success, rows) = rehearse(&["--rows", "2000", "--blueprint"]).await;
    let failing = failing(&rows).join("\n");
    assert!(!success);
    for id in ["A1", "A3", "A6", "C1", "C2"] {
        assert!(failing.contains(id), "{id} holds, so it cannot fail:\n{failing}");
    }
}

/// No other setting, JSON on every line, and the documented exit codes.
#[tokio::test]
async fn the_command_line_needs_a_database_and_nothing_else() {
    let database = TestDatabase::legacy(TABLES).await;
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.env_clear().arg("cutover").args(arguments).arg("--json");
        let output = command.args(["--database-url", database.url().expose()]).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.last().unwrap_or(&Value::Null).clone();
        assert!(!text.contains(":null"), "values are absent, never null: {text}");
        (output.status.code().unwrap(), last)
    };
    for (arguments, code) in [
        (&["plan"][..], 0),
        (&["status"], 0),
        (&["switch"], 64),
        (&["expand", "--dry-run"], 0),
        (&["expand", "--plan", "another"], 64),
        (&["expand", "--max-wait", "1s"], 0),
        (&["backfill"], 0),
        (&["verify"], 0),
        (&["switch", "--watch", "1s", "--no-auto-rollback", "--accept-realtime-rename"], 0),
        (&["contract"], 78),
        (&["contract", "--hold", "0s"], 2),
        (&["contract", "--hold", "0s", "--yes"], 0),
        (&["status"], 0),
        (&["rollback", "--yes"], 0),
        (&["rollback", "--to", "legacy"], 0),
    ] {
        let (ended, last) = run(arguments).await;
        assert_eq!((ended, last["exit"].as_i64()), (code, Some(i64::from(code))), "{arguments:?}: {last}");
        assert_eq!(last["stage"], arguments[0]);
    }
    assert_eq!(run(&["jump"]).await.0, 2);
    let launch = Launch::serve(BINARY, "postgresql://nobody@127.0.0.1:1/none");
    let (success, said) = launch.run(&["cutover", "plan"]).await;
    assert!(!success && said.contains("127.0.0.1:1"), "{said}");
}
