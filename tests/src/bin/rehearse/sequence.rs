//! The rehearsal itself: every stage under load, killed and blocked, and every check of the acceptance table. It must not
//! know how anything is measured.

use crate::act::{Felt, during};
use crate::board::Board;
use crate::clients::{Clients, Ledger, Names};
use crate::identity::{Tables, catalogue, differences};
use crate::stand::Stand;
use crate::{latency, probes};
use anyhow::{Result, bail};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const CONTRACT: [&str; 4] = ["contract", "--hold", "0s", "--yes"];

/// What goes along from part to part.
struct Rehearsal<'a> {
    stand: &'a Stand,
    board: &'a mut Board,
    ledger: Arc<Ledger>,
    tables: Tables,
    before: Vec<Value>,
    unnamed: Vec<Value>,
    answers: Vec<String>,
    control: Duration,
    felt: Felt,
    probes: (usize, usize),
    kills: &'static [u64],
}

pub async fn run(stand: &Stand, board: &mut Board, quick: bool) -> Result<()> {
    let tables = Tables::find(stand).await;
    let mut rehearsal = Rehearsal {
        stand,
        board,
        ledger: Arc::default(),
        tables,
        before: tables.facts(stand, true).await,
        unnamed: tables.facts(stand, false).await,
        answers: probes::ask(stand, false).await?.unwrap_or_default(),
        control: Duration::ZERO,
        felt: Felt::default(),
        probes: (0, 0),
        kills: if quick { &[20, 80, 200] } else { &[20, 80, 150, 300, 600, 1200] },
    };
    rehearsal.looking().await?;
    rehearsal.refusals().await?;
    let old = Clients::start(stand, &rehearsal.ledger, Names::Old, "1").await?;
    rehearsal.control(quick).await?;
    rehearsal.expand().await?;
    let new = Clients::start(stand, &rehearsal.ledger, Names::New, "1").await?;
    rehearsal.control(quick).await?;
    rehearsal.verify().await?;
    rehearsal.blocked().await?;
    rehearsal.autovacuum().await?;
    rehearsal.back_and_forth().await?;
    rehearsal.hold().await?;
    old.stop().await;
    rehearsal.ledger.one_name.store(true, Ordering::Relaxed);
    rehearsal.reads().await?;
    rehearsal.contract().await?;
    new.stop().await;
    rehearsal.sum().await?;
    rehearsal.wall_time().await
}

impl Rehearsal<'_> {
    /// What the clients feel when nothing happens.
    async fn control(&mut self, quick: bool) -> Result<()> {
        let period = Duration::from_secs(if quick { 3 } else { 10 });
        let wait = async {
            tokio::time::sleep(period).await;
            Ok(())
        };
        let felt = during(self.stand, &self.ledger, wait).await?.1;
        self.control = self.control.max(felt.longest);
        Ok(())
    }

    async fn looking(&mut self) -> Result<()> {
        let before = catalogue(self.stand).await;
        self.stand.done(&["plan", "--json"]).await?;
        self.stand.done(&["preflight", "--json"]).await?;
        let same = catalogue(self.stand).await == before;
        self.board.put("C3", "plan and preflight leave the catalogue as it is", "yes", same, same);
        Ok(())
    }

    /// Each thing that would break something is refused.
    async fn refusals(&mut self) -> Result<()> {
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

    /// Kills a stage at each moment and runs it again; `reset` makes it due again.
    async fn kills(&mut self, stage: &[&str], reset: Option<&[&str]>) -> Result<()> {
        let (stand, kills) = (self.stand, self.kills);
        let (codes, felt) = during(stand, &self.ledger, async {
            let mut codes = Vec::new();
            // Contract looks for two seconds whether somebody uses the old names.
            let late: &[u64] = if stage == CONTRACT { &[2_050, 2_120] } else { &[] };
            for after in kills.iter().chain(late) {
                codes.push(stand.killed(stage, Duration::from_millis(*after)).await?.code);
                let again = stand.stage(stage).await?.code;
                if again != 0 {
                    bail!("{stage:?} a second time ended with {again}");
                }
                if let Some(reset) = reset {
                    stand.done(reset).await?;
                }
            }
            Ok(codes)
        })
        .await?;
        self.felt.and(felt);
        let holds = codes.iter().all(|code| *code == 0);
        self.board.put(
            "B2",
            &format!("{} killed, run again, run twice (B1)", stage[0]),
            "0 each",
            format!("{codes:?}"),
            holds,
        );
        Ok(())
    }

    async fn probe(&mut self) -> Result<()> {
        let (same, all) = probes::same(self.stand, &self.answers).await?;
        self.probes = (self.probes.0 + same, self.probes.1 + all);
        Ok(())
    }

    async fn same_tables(&mut self, when: &str, named: bool) {
        let facts = self.tables.facts(self.stand, named).await;
        let different = differences(if named { &self.before } else { &self.unnamed }, &facts);
        self.board.put(
            "C1",
            &format!("facts of the tables that changed, {when}"),
            "0",
            format!("{different} of {}", facts.len()),
            different == 0,
        );
    }

    async fn expand(&mut self) -> Result<()> {
        self.kills(&["expand"], Some(&["rollback"])).await?;
        self.stand.done(&["expand"]).await?;
        self.kills(&["backfill"], None).await?;
        self.probe().await?;
        self.same_tables("expanded", true).await;
        Ok(())
    }

    async fn verify(&mut self) -> Result<()> {
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

    /// Somebody reads for long; a second runner comes.
    async fn blocked(&mut self) -> Result<()> {
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
    async fn autovacuum(&mut self) -> Result<()> {
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

    async fn back_and_forth(&mut self) -> Result<()> {
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

    async fn hold(&mut self) -> Result<()> {
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

    async fn reads(&mut self) -> Result<()> {
        let (old, new) = latency::medians(self.stand).await?;
        let difference = (old / new - 1.0) * 100.0;
        let told = format!("{old:.0} µs by the view, {new:.0} µs by the table: {difference:+.1} %");
        self.board.put("E1", "read by key, median of 3 runs", "within 10 %", told, difference < 10.0);
        Ok(())
    }

    async fn contract(&mut self) -> Result<()> {
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

    async fn sum(&mut self) -> Result<()> {
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
    async fn wall_time(&mut self) -> Result<()> {
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
