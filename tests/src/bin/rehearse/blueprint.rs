//! The negative control: the blueprint's own SQL, copy and then rename, under the same clients. What it loses is what the
//! checks must see. It must not be run on anything that matters.

use crate::act::during;
use crate::board::Board;
use crate::clients::{Clients, Ledger, Names};
use crate::identity::{Tables, differences};
use crate::probes;
use crate::stand::Stand;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const COPY: &str = "CREATE TABLE dispatch_activities AS SELECT * FROM activities;
    CREATE TABLE dispatch_agent_tasks AS SELECT * FROM agent_tasks;";
const RENAME: &str = "BEGIN;
    ALTER TABLE activities RENAME TO activities_deprecated; ALTER TABLE dispatch_activities RENAME TO activities;
    ALTER TABLE agent_tasks RENAME TO agent_tasks_deprecated; ALTER TABLE dispatch_agent_tasks RENAME TO agent_tasks; COMMIT;";

pub async fn run(stand: &Stand, board: &mut Board) -> Result<()> {
    let ledger = Arc::new(Ledger::default());
    let before = Tables::find(stand).await.facts(stand, false).await;
    let answers = probes::ask(stand, false).await?.unwrap_or_default();
    let old = Clients::start(stand, &ledger, Names::Old, "b").await?;
    let pause = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(())
    };
    let control = during(stand, &ledger, pause).await?.1;
    let reader = stand.client("a report").await?;
    let ((), felt) = during(stand, &ledger, async {
        stand.execute(COPY).await?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        // A report reads for a while, as reports do.
        reader.batch_execute("BEGIN; SELECT count(*) FROM activities").await?;
        let report = async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            reader.batch_execute("COMMIT").await
        };
        let (renamed, reported) = tokio::join!(stand.execute(RENAME), report);
        renamed?;
        reported?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    })
    .await?;
    old.stop().await;
    let lost = ledger.lost(stand, Names::Old).await?;
    board.put("A1", "acknowledged writes lost, old names", "0", lost, lost == 0);
    let by_new = ledger.lost(stand, Names::New).await?;
    let told = if by_new == usize::MAX { "there is no such name".to_owned() } else { by_new.to_string() };
    board.put("A1", "acknowledged writes lost, new names", "0", told, by_new == 0);
    let surplus = ledger.surplus(stand, Names::Old).await;
    board.put("A2", "shared counter minus increments", "0", surplus, surplus == 0);
    let errors = ledger.errors.lock().expect("a lock").len();
    board.put("A3", "client errors", "0", errors, errors == 0);
    let over = felt.longest.saturating_sub(control.longest);
    board.put(
        "A5",
        "longest operation beyond control",
        "< 100 ms",
        format!("{over:.0?}"),
        over < Duration::from_millis(100),
    );
    board.put(
        "A6",
        "longest lock wait of a client",
        "< 100 ms",
        format!("{} ms", felt.client_wait_ms),
        felt.client_wait_ms < 100,
    );
    let after = Tables::named(stand, ["activities", "agent_tasks"]).await.facts(stand, false).await;
    let different = differences(&before, &after);
    board.put("C1", "facts of the tables that changed", "0", different, different == 0);
    let (same, all) = probes::same(stand, &answers).await?;
    board.put("C2", "role probes", "all", format!("{same} of {all}"), same == 12);
    let operations = ledger.operations.load(Ordering::Relaxed);
    board.put("A0", "operations of clients", "> 0", operations, operations > 0);
    Ok(())
}
