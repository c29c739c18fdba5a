//! The rehearsal itself: every stage under load, killed and blocked, and every check of the acceptance table. It must not
//! know how anything is measured.

mod back;
mod forward;
mod sum;
mod trouble;

use crate::act::{Felt, during};
use crate::board::Board;
use crate::clients::{Clients, Ledger, Names};
use crate::identity::{Tables, differences};
use crate::probes;
use crate::stand::Stand;
use anyhow::{Result, bail};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
    /// Beside other tests, where times are not judged.
    quick: bool,
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
        quick,
        kills: if quick { &[20, 80, 200] } else { &[20, 80, 150, 300, 600, 1200] },
    };
    rehearsal.looking().await?;
    rehearsal.refusals().await?;
    let old = Clients::start(stand, &rehearsal.ledger, Names::Old, "1").await?;
    rehearsal.control().await?;
    rehearsal.expand().await?;
    let new = Clients::start(stand, &rehearsal.ledger, Names::New, "1").await?;
    rehearsal.control().await?;
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
    async fn control(&mut self) -> Result<()> {
        let period = Duration::from_secs(if self.quick { 1 } else { 10 });
        let wait = async {
            tokio::time::sleep(period).await;
            Ok(())
        };
        let felt = during(self.stand, &self.ledger, wait).await?.1;
        self.control = self.control.max(felt.longest);
        Ok(())
    }

    /// Kills a stage at each moment and runs it again; `reset` makes it due again.
    async fn kills(&mut self, stage: &[&str], reset: Option<&[&str]>) -> Result<()> {
        let (stand, kills, quick) = (self.stand, self.kills, self.quick);
        let (codes, felt) = during(stand, &self.ledger, async {
            let mut codes = Vec::new();
            // Contract looks for two seconds whether somebody uses the old names: until then every moment is like another.
            let (early, late): (_, &[u64]) = match (stage == CONTRACT, quick) {
                (true, true) => (&kills[1..2], &[2_050, 2_120]),
                (true, false) => (kills, &[2_050, 2_120]),
                _ => (kills, &[]),
            };
            for after in early.iter().chain(late) {
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
}
