//! What came of all of it: what the clients wrote, what they felt, and how long it takes alone. It must not know how anything is
//! measured.

use super::Rehearsal;
use crate::clients::Names;
use anyhow::Result;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Rehearsal<'_> {
    pub(super) async fn sum(&mut self) -> Result<()> {
        let stand = self.stand;
        let lost = self.ledger.lost(stand, Names::New).await?;
        self.board.put("A1", "acknowledged writes lost, new names", "0", lost, lost == 0);
        stand.done(&["rollback"]).await?;
        let lost = self.ledger.lost(stand, Names::Old).await?;
        self.board.put("A1", "acknowledged writes lost, old names", "0", lost, lost == 0);
        for names in [Names::Old, Names::New] {
            let surplus = self.ledger.surplus(stand, names).await;
            self.board.put("A2", "shared counter minus increments", "0", surplus, surplus == 0);
        }
        let errors = self.ledger.errors.lock().expect("a lock").clone();
        let told =
            errors.first().map_or_else(|| "0".to_owned(), |first| format!("{}, the first: {first}", errors.len()));
        let operations = self.ledger.operations.load(Ordering::Relaxed);
        self.board.put(
            "A3",
            &format!("client errors in {operations} operations"),
            "0",
            told,
            errors.is_empty() && operations > 500,
        );
        let mismatches = self.ledger.mismatches.load(Ordering::Relaxed);
        self.board.put("A4", "reads by the other name that differ", "0", mismatches, mismatches == 0);
        let felt = self.felt;
        let over = felt.longest.saturating_sub(self.control);
        let told = format!("{:.0?} - {:.0?} = {over:.0?}", felt.longest, self.control);
        self.board.put("A5", "longest operation minus control", "< 100 ms", told, over < Duration::from_millis(100));
        let told = format!("{} ms ({} ms for each other's rows)", felt.client_wait_ms, felt.rows_ms);
        self.board.put("A6", "longest wait of a client for a table", "< 100 ms", told, felt.client_wait_ms < 100);
        self.board.put(
            "A7",
            "longest exclusive request of the tool",
            "< 100 ms",
            format!("{} ms", felt.tool_wait_ms),
            felt.tool_wait_ms < 100,
        );
        self.board.put(
            "B2",
            "longest that a session was idle in transaction",
            "<= 1 s",
            format!("{} ms", felt.idle_ms),
            felt.idle_ms <= 1_000,
        );
        let (same, all) = self.probes;
        self.board.put("C2", "role probes", "all", format!("{same} of {all}"), same == all && all == 42);
        Ok(())
    }

    /// From the beginning, with nobody in the way.
    pub(super) async fn wall_time(&mut self) -> Result<()> {
        let stand = self.stand;
        stand.done(&["rollback", "--to", "legacy"]).await?;
        self.same_tables("all the way back", true).await;
        let expand = stand.done(&["expand"]).await?.took + stand.done(&["backfill"]).await?.took;
        stand.done(&["verify"]).await?;
        let whole = expand + stand.done(&["switch"]).await?.took;
        self.board.put(
            "E2",
            "expand, backfill and switch",
            "< 5 s",
            format!("{:.2} s for {} rows", whole.as_secs_f64(), stand.rows),
            whole < Duration::from_secs(5),
        );
        Ok(())
    }
}
