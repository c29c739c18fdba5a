//! Others at work while it is switched: a reader, a second runner, an autovacuum. It must not know how anything is measured.

use super::Rehearsal;
use crate::act::during;
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Rehearsal<'_> {
    /// Somebody reads for long; a second runner comes.
    pub(super) async fn blocked(&mut self) -> Result<()> {
        let (stand, ledger) = (self.stand, Arc::clone(&self.ledger));
        let report = stand.client("a report").await?;
        let pid: i32 = report.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        report.batch_execute("BEGIN; SELECT count(*) FROM activities WHERE task_id = 'a000000001'").await?;
        let ((first, second), felt) = during(stand, &ledger, async {
            let second = async {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                stand.stage(&["switch"]).await
            };
            tokio::try_join!(stand.stage(&["switch", "--json"]), second)
        })
        .await?;
        report.batch_execute("COMMIT").await?;
        let quick = second.code == 77 && second.took < Duration::from_secs(5);
        self.board.put(
            "B3",
            "second runner while the first waits",
            "77, < 5 s",
            format!("{} in {:.1?}", second.code, second.took),
            quick,
        );
        let named = first.said.contains(&format!("\"pid\":{pid}"));
        let holds = first.code == 75 && named && first.took < Duration::from_secs(15);
        self.board.put(
            "B4",
            "reader holds the table: gives up and names it",
            "75, <= 15 s",
            format!("{} in {:.1?}, named: {named}", first.code, first.took),
            holds,
        );
        let told = format!("client {} ms, tool {} ms", felt.client_wait_ms, felt.tool_wait_ms);
        self.board.put(
            "B5",
            "lock waits meanwhile",
            "< 100 ms",
            told,
            felt.client_wait_ms < 100 && felt.tool_wait_ms < 100,
        );
        self.felt.and(felt);
        let (after, felt) = during(stand, &ledger, stand.stage(&["switch"])).await?;
        self.felt.and(felt);
        self.board.put(
            "B5",
            "rerun after the release",
            "0",
            after.code,
            after.code == 0 && stand.kinds().await == "vrvr",
        );
        stand.done(&["rollback"]).await?;
        Ok(())
    }

    /// An autovacuum that takes its time.
    pub(super) async fn autovacuum(&mut self) -> Result<()> {
        let (stand, ledger) = (self.stand, Arc::clone(&self.ledger));
        let knobs = "autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1";
        stand.execute(&format!("ALTER TABLE activities SET ({knobs})")).await?;
        let at_work = "SELECT count(*) FROM pg_stat_progress_vacuum AS p JOIN pg_stat_activity AS a USING (pid)
            WHERE p.relid = 'activities'::regclass AND a.backend_type = 'autovacuum worker'";
        let (since, patience) = (Instant::now(), Duration::from_secs(120));
        while stand.number(at_work).await == 0 && since.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let seen = stand.number(at_work).await > 0;
        let (outcome, felt) = during(stand, &ledger, stand.stage(&["switch", "--json"])).await?;
        self.felt.and(felt);
        let told = format!(
            "exit {} in {:.1?}, client waited {} ms, at work: {seen}",
            outcome.code, outcome.took, felt.client_wait_ms
        );
        self.board.put(
            "B6",
            "an autovacuum throttled on the table",
            "0, < 100 ms",
            told,
            seen && outcome.code == 0 && felt.client_wait_ms < 100,
        );
        stand.execute("ALTER TABLE dispatch_activities RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit)").await?;
        stand.done(&["rollback"]).await?;
        Ok(())
    }
}
