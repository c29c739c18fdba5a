//! The way up to the switch: what only looks, what is refused, `expand` and `verify`. It must not know how anything is measured.

use super::Rehearsal;
use crate::act::during;
use crate::identity::catalogue;
use anyhow::Result;
use std::sync::Arc;

impl Rehearsal<'_> {
    pub(super) async fn looking(&mut self) -> Result<()> {
        let before = catalogue(self.stand).await;
        self.stand.done(&["plan", "--json"]).await?;
        self.stand.done(&["preflight", "--json"]).await?;
        let same = catalogue(self.stand).await == before;
        self.board.put("C3", "plan and preflight leave the catalogue as it is", "yes", same, same);
        Ok(())
    }

    /// Each thing that would break something is refused.
    pub(super) async fn refusals(&mut self) -> Result<()> {
        for (what, make, remove) in [
            ("taken name", "CREATE TABLE dispatch_activities (x int)", "DROP TABLE dispatch_activities"),
            ("taken column", "ALTER TABLE activities ADD COLUMN mission_status text", "ALTER TABLE activities DROP COLUMN mission_status"),
            ("SETOF row function", "CREATE FUNCTION f() RETURNS SETOF activities LANGUAGE sql AS 'SELECT * FROM activities'", "DROP FUNCTION f()"),
            (
                "trigger function on a renamed column",
                "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.status IS NULL THEN RETURN NULL; END IF; RETURN NEW; END';
                 CREATE TRIGGER t BEFORE INSERT ON activities FOR EACH ROW EXECUTE FUNCTION t()",
                "DROP TRIGGER t ON activities; DROP FUNCTION t()",
            ),
        ] {
            self.stand.execute(make).await?;
            let (preflight, expand) = (self.stand.stage(&["preflight"]).await?, self.stand.stage(&["expand"]).await?);
            self.stand.execute(remove).await?;
            let codes = format!("preflight {}, expand {}", preflight.code, expand.code);
            self.board.put("D4", &format!("preflight with: {what}"), "64", codes, preflight.code == 64 && expand.code == 64);
        }
        Ok(())
    }

    pub(super) async fn expand(&mut self) -> Result<()> {
        self.kills(&["expand"], Some(&["rollback"])).await?;
        self.stand.done(&["expand"]).await?;
        self.kills(&["backfill"], None).await?;
        self.probe().await?;
        self.same_tables("expanded", true).await;
        Ok(())
    }

    pub(super) async fn verify(&mut self) -> Result<()> {
        self.kills(&["verify"], None).await?;
        let (stand, ledger) = (self.stand, Arc::clone(&self.ledger));
        let (verified, felt) = during(stand, &ledger, stand.done(&["verify", "--json"])).await?;
        self.felt.and(felt);
        self.board.put("E2", "verify alone", "-", format!("{:.1} s", verified.took.as_secs_f64()), true);
        let definition = "SELECT pg_get_viewdef('dispatch_agent_tasks'::regclass) AS d";
        let rows = stand.json(definition).await;
        let all = rows[0]["d"].as_str().unwrap_or_default().trim_end_matches(';');
        let hidden = format!(
            "CREATE OR REPLACE VIEW dispatch_agent_tasks WITH (security_invoker = true) AS {all} WHERE task_id <> 't000000003'"
        );
        stand.execute(&hidden).await?;
        let (verify, switch) = (stand.stage(&["verify"]).await?, stand.stage(&["switch"]).await?);
        let holds = verify.code == 1
            && switch.code == 64
            && stand.kinds().await == "rvrv"
            && verify.said.contains("t000000003");
        self.board.put(
            "D2",
            "verify and switch with one row hidden",
            "1 and 64",
            format!("{} and {}", verify.code, switch.code),
            holds,
        );
        stand.done(&["expand"]).await?;
        stand.done(&["verify"]).await?;
        Ok(())
    }
}
