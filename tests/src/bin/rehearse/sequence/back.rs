//! Switched, back, switched again, and contracted. It must not know how anything is measured.

use super::{CONTRACT, Rehearsal};
use crate::latency;
use anyhow::Result;
use std::sync::atomic::Ordering;

impl Rehearsal<'_> {
    pub(super) async fn back_and_forth(&mut self) -> Result<()> {
        self.kills(&["switch"], Some(&["rollback"])).await?;
        self.same_tables("rolled back", true).await;
        self.probe().await?;
        self.stand.done(&["switch"]).await?;
        self.kills(&["rollback"], Some(&["switch"])).await?;
        let (lost_old, lost_new) = (self.ledger.increments.load(Ordering::Relaxed), self.stand.kinds().await);
        self.board.put(
            "D1",
            "clients go on through rollbacks",
            "switched",
            format!("{lost_new}, {lost_old} increments"),
            lost_new == "vrvr",
        );
        self.same_tables("switched", true).await;
        self.probe().await
    }

    pub(super) async fn hold(&mut self) -> Result<()> {
        let early = self.stand.stage(&["contract", "--yes"]).await?;
        let kinds = self.stand.kinds().await;
        self.board.put(
            "D3",
            "contract before 30 minutes",
            "78, old names there",
            format!("{}, {kinds}", early.code),
            early.code == 78 && kinds == "vrvr",
        );
        let used = self.stand.stage(&CONTRACT).await?;
        let kinds = self.stand.kinds().await;
        self.board.put(
            "D3",
            "contract while old names are used",
            "78, old names there",
            format!("{}, {kinds}", used.code),
            used.code == 78 && kinds == "vrvr",
        );
        Ok(())
    }

    pub(super) async fn reads(&mut self) -> Result<()> {
        let (old, new) = latency::medians(self.stand, if self.quick { 500 } else { 3_000 }).await?;
        let difference = (old / new - 1.0) * 100.0;
        let told = format!("{old:.0} µs by the view, {new:.0} µs by the table: {difference:+.1} %");
        self.board.put("E1", "read by key, median of 3 runs", "within 10 %", told, difference < 10.0);
        Ok(())
    }

    pub(super) async fn contract(&mut self) -> Result<()> {
        self.kills(&CONTRACT, Some(&["rollback"])).await?;
        self.stand.done(&CONTRACT).await?;
        self.same_tables("contracted, names of constraints, indexes and policies aside", false).await;
        self.probe().await?;
        let triggers = self
            .stand
            .number(
                "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND (tgname ~* 'cut.?over' OR tgfoid IN
            (SELECT oid FROM pg_proc WHERE pronamespace = 'dispatch_cutover'::regnamespace))",
            )
            .await;
        self.board.put("D5", "triggers left by the tool", "0", triggers, triggers == 0);
        let policies = self
            .stand
            .number("SELECT count(*) FROM pg_policies WHERE policyname = 'Public can read dispatch missions'")
            .await;
        self.board.put("C1", "policies with their new names", "2", policies, policies == 2);
        Ok(())
    }
}
