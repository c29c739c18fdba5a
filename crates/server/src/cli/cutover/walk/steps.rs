//! The steps in their order. Each looks first whether it is done: in the catalogue, in the engine's records, in the remarks
//! of the run, and at the flag; never in the report alone. It must not know how a step is done.

use super::Walk;
use super::back;
use super::flag::{Kept, kept};
use super::recorder::{Recorder, ended};
use super::standing::Standing;
use dispatch_cutover::{Done, Event, Options, Position, Remark, Reporter as _, Stage, Stop, remark, remarks};
use dispatch_pipeline::failpoint;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How old a `verify` may be that the switch follows.
const YOUNG: f64 = 30.0 * 60.0;

/// Remarks of the run, beside the flag's.
pub(super) const SWITCHED: &str = "switched";
pub(super) const ROLLED_BACK: &str = "rolled_back";

impl Walk<'_> {
    /// From wherever everything stands.
    pub(super) async fn whole(&mut self) -> Result<Done, Stop> {
        let standing = self.standing().await?;
        self.unfinished_rollback(&standing).await?;
        if standing.least() == Position::Contracted {
            return Ok(done("the new names alone are there: nothing is left to do", false));
        }
        self.answers().await?;
        self.check(standing.least()).await?;
        if self.options.dry_run {
            self.door.stage(Stage::Plan, &self.options, self.shown).await?;
            return Ok(done("dry run: this is what would be sent; nothing was changed, and no report kept", false));
        }
        if standing.stage != "none" {
            self.remember_report().await?;
        }
        if standing.least() < Position::Switched {
            self.tables().await?;
        }
        Box::pin(self.flip()).await?;
        Box::pin(self.watch()).await?;
        self.hold().await?;
        self.agreed("contract", "It removes the old names; clients that still use them would fail.").await?;
        let options = Options { confirmed: true, ..self.options.clone() };
        self.stage("contract", Stage::Contract, &options).await?;
        Ok(done("cut over: the new names alone, and the new contract", true))
    }

    async fn standing(&self) -> Result<Standing, Stop> {
        Standing::look(self.door, &self.options).await
    }

    pub(super) async fn remarks(&self) -> Result<Vec<Remark>, Stop> {
        remarks(self.door, &self.options).await
    }

    /// Somebody went back and was killed before the tables, or the flag, were back: that comes first, and then it is over.
    async fn unfinished_rollback(&mut self, standing: &Standing) -> Result<(), Stop> {
        let halfway = match &*standing.stage {
            "rolling_back" => true,
            "rolled_back" | "legacy" => {
                standing.least() < Position::Switched && kept(&self.remarks().await?) != Kept::Nothing
            }
            _ => false,
        };
        if !halfway || self.options.dry_run {
            return Ok(());
        }
        self.begin("rollback").await?;
        let recorder = Recorder::new(self.shown);
        let outcome = back::go(self.door, &self.options, &recorder).await;
        let done = self.end("rollback", outcome, recorder.figures())?;
        Err(Stop::RolledBack(format!(
            "a rollback was under way and is finished ({}); run again to begin anew",
            done.summary
        )))
    }

    async fn remember_report(&self) -> Result<(), Stop> {
        match self.journal.place() {
            Some(place) => back::remember(self.door, &self.options, place).await,
            None => Ok(()),
        }
    }

    async fn check(&mut self, at: Position) -> Result<(), Stop> {
        if self.options.dry_run {
            return self.checklist(at).await.map(drop);
        }
        self.begin("checklist").await?;
        let outcome = self.checklist(at).await.map(|summary| done(&summary, false));
        self.end("checklist", outcome, Map::new()).map(drop)
    }

    async fn tables(&mut self) -> Result<(), Stop> {
        let options = self.options.clone();
        if self.standing().await?.least() == Position::Legacy {
            self.agreed("expand", "It makes the new names beside the old ones, as views; nobody waits for it.").await?;
        }
        self.stage("expand", Stage::Expand, &options).await?;
        self.remember_report().await?;
        self.stage("backfill", Stage::Backfill, &options).await?;
        if self.standing().await?.verified_age_s.is_none_or(|age| age > YOUNG) {
            self.stage("verify", Stage::Verify, &options).await?;
        }
        self.agreed("switch", "It gives the tables their new names, under their clients; both names work on.").await?;
        self.stage("switch", Stage::Switch, &options).await?;
        remark(self.door, &options, SWITCHED, &Value::Null).await
    }

    /// Unprefixed legacy paths speak the new contract.
    async fn flip(&mut self) -> Result<(), Stop> {
        let kept = kept(&self.remarks().await?);
        let desk = self.flag.clone().map_err(Stop::Failed)?;
        if desk.is_there(&kept).await? {
            return Ok(());
        }
        let more = match kept {
            Kept::Flipped { .. } => " It was set back since it was last flipped.",
            Kept::Unjudged { .. } => " Nobody has judged the last flip: it is guarded anew.",
            Kept::Nothing | Kept::Flipping { .. } => "",
        };
        let question = format!("It makes the unprefixed paths speak the new contract, guarded by the replicas.{more}");
        self.agreed("flag", &question).await?;
        self.switched().await?;
        self.begin("flag").await?;
        let (options, guarded) = (self.options.clone(), self.words.watch.max(Duration::from_secs(1)));
        let outcome = desk.flip(self.door, &options, kept, guarded).await;
        let outcome = outcome.map(|flip| Done { detail: flip.figures, ..done(&flip.summary, true) });
        self.end("flag", outcome, Map::new()).map(drop)
    }

    /// Nobody else walks by now.
    async fn still(&mut self) -> Result<(), Stop> {
        match &mut self.walking {
            Some(walking) => walking.still(self.door, &self.options).await,
            None => Ok(()),
        }
    }

    /// Whoever was let in while our session was lost may have gone back: then what follows the switch must not be done.
    pub(super) async fn switched(&mut self) -> Result<Standing, Stop> {
        self.still().await?;
        let standing = self.standing().await?;
        if standing.least() < Position::Switched {
            let why = "somebody has rolled back meanwhile; run this again to begin anew";
            return Err(Stop::Failed(why.to_owned()));
        }
        Ok(standing)
    }

    /// Until the holding period is over.
    async fn hold(&mut self) -> Result<(), Stop> {
        let mut begun = false;
        loop {
            let hold = self.options.hold.as_secs_f64();
            let left = self.switched().await?.switched_age_s.map_or(0.0, |since| hold - since);
            if left <= 0.0 {
                break;
            }
            if !begun {
                self.begin("hold").await?;
                begun = true;
            }
            self.shown.tell(&Event::Note { text: format!("the old names are kept for another {left:.0} s") });
            tokio::time::sleep(Duration::from_secs_f64(left.clamp(0.05, 60.0))).await;
        }
        if begun {
            self.end("hold", Ok(done("the old names were kept for their time", false)), Map::new())?;
        }
        Ok(())
    }

    async fn stage(&mut self, step: &'static str, stage: Stage, options: &Options) -> Result<Done, Stop> {
        self.begin(step).await?;
        let recorder = Recorder::new(self.shown);
        let outcome = Box::pin(self.door.stage(stage, options, &recorder)).await;
        self.end(step, outcome, recorder.figures())
    }

    /// Asks before a step; whoever says no can go on later.
    async fn agreed(&self, step: &str, what: &str) -> Result<(), Stop> {
        if self.person.agrees(&format!("Next: {step}. {what}")).await? {
            return Ok(());
        }
        Err(Stop::Failed(format!(
            "stopped before `{step}`, as you said; the same command goes on from here, `dispatch cutover rollback` goes back"
        )))
    }

    pub(super) async fn begin(&mut self, step: &'static str) -> Result<(), Stop> {
        self.still().await?;
        self.shown.is_in(step);
        self.shown.happened(&json!({ "event": "step", "state": "begun" }), &format!("\n== {step}"));
        self.journal.begin(step)?;
        failpoint::pass("cutover.begun", || step.to_owned());
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        step: &str,
        outcome: Result<Done, Stop>,
        figures: Map<String, Value>,
    ) -> Result<Done, Stop> {
        failpoint::pass("cutover.done", || step.to_owned());
        let (word, summary, figures) = ended(&outcome, figures);
        let line = json!({ "event": "step", "state": word, "summary": summary, "figures": figures });
        if outcome.is_ok() {
            self.shown.happened(&line, &summary);
        }
        self.journal.end(word, &summary, figures)?;
        failpoint::pass("cutover.noted", || step.to_owned());
        outcome
    }
}

pub(super) fn done(summary: &str, changed: bool) -> Done {
    Done { summary: summary.to_owned(), changed, detail: Value::Null }
}
