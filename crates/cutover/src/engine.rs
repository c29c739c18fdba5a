//! What every stage begins with: a session, a look at the catalogue and the records, and the runner's lock. It must not
//! know what a stage does.

use crate::catalogue::{self, Snapshot, fingerprint};
use crate::generate::Memory;
use crate::lock::{self, Lock};
use crate::model::moved;
use crate::options::Options;
use crate::plan;
use crate::position::{Place, Position, place};
use crate::report::{Event, Reporter, Stage, Stop};
use crate::session::{Connector, Session};
use crate::spec::Table;
use crate::state::{self, Run};
use uuid::Uuid;

/// One stage of one run.
pub(crate) struct Engine<'a> {
    pub(crate) session: Session,
    pub(crate) options: &'a Options,
    pub(crate) reporter: &'a dyn Reporter,
    pub(crate) stage: Stage,
    /// The server process of the session that was lost before this one.
    lost: Option<i64>,
}

/// How things are.
pub(crate) struct Survey {
    pub(crate) snapshot: Snapshot,
    pub(crate) run: Option<Run>,
    /// Of each table of the spec, in its order.
    pub(crate) places: Vec<Place>,
}

/// A session that is ours alone, under a name that says for what.
pub(crate) async fn dedicated(connector: &dyn Connector, word: &str) -> Result<Session, Stop> {
    let session = Session::open(connector, &lock::application_name(word)).await?;
    if session.is_pooled().await? {
        return Err(Stop::blocked(
            "transaction_pooler",
            "the connection",
            "it goes through a pooler that hands each transaction to another session",
            "Give the direct connection in DATABASE_URL (Supabase: port 5432 instead of 6543)",
        ));
    }
    // Poolers and drivers may have put their own name there.
    session.name(&lock::application_name(word)).await?;
    Ok(session)
}

impl<'a> Engine<'a> {
    pub(crate) async fn open(
        connector: &dyn Connector,
        options: &'a Options,
        reporter: &'a dyn Reporter,
        stage: Stage,
        lost: Option<i64>,
    ) -> Result<Self, Stop> {
        let session = dedicated(connector, stage.as_str()).await?;
        Ok(Self { session, options, reporter, stage, lost })
    }

    /// Takes the runner's lock, unless nothing will be changed.
    pub(crate) async fn lock(&self) -> Result<(), Stop> {
        if self.options.dry_run { Ok(()) } else { lock::take(&self.session, Lock::Stage, self.lost).await }
    }

    pub(crate) async fn survey(&self) -> Result<Survey, Stop> {
        let snapshot = catalogue::read(&self.session, &self.options.spec).await?;
        let run = state::load(&self.session, &self.options.spec).await?;
        let known = |table: &Table| run.as_ref().is_some_and(|run| run.knows(&table.from));
        let places = self.tables().iter().map(|table| place(&snapshot, table, known(table))).collect();
        Ok(Survey { snapshot, run, places })
    }

    pub(crate) fn tables(&self) -> &'a [Table] {
        &self.options.spec.tables
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.reporter.tell(event);
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.tell(&Event::Note { text: text.into() });
    }

    pub(crate) async fn event(&self, run: Uuid, what: &str, detail: &serde_json::Value) -> Result<(), Stop> {
        Ok(state::event(&self.session, run, self.stage.as_str(), what, detail).await?)
    }
}

impl Survey {
    /// Where each table stands that exists, with the table. Anything that is in the way stops the stage.
    pub(crate) fn standing<'t>(&self, tables: &'t [Table]) -> Result<Vec<(&'t Table, Position)>, Stop> {
        let mut standing = Vec::new();
        let mut findings = Vec::new();
        for (table, place) in tables.iter().zip(&self.places) {
            match place {
                Place::At(position) => standing.push((table, *position)),
                Place::Absent => {}
                other => findings.extend(crate::preflight::obstacle(table, other)),
            }
        }
        if !findings.is_empty() {
            return Err(Stop::Blocked(findings));
        }
        if standing.is_empty() {
            return Err(Stop::Blocked(vec![crate::preflight::nothing_there(tables)]));
        }
        Ok(standing)
    }

    pub(crate) fn memory(&self, table: &Table) -> Memory {
        self.run.as_ref().map(|run| run.memory(&table.from)).unwrap_or_default()
    }

    pub(crate) fn fingerprint(&self, options: &Options) -> String {
        fingerprint(&self.snapshot, &options.spec)
    }

    /// The snapshot as it would be with every table where it began: what plans are made from, at every stage the same.
    pub(crate) fn at_the_beginning(&self, options: &Options) -> Snapshot {
        let mut snapshot = self.snapshot.clone();
        for (table, place) in options.spec.tables.iter().zip(&self.places) {
            if let Place::At(position) = place {
                snapshot = moved(&snapshot, &options.spec, table, *position, Position::Legacy, &self.memory(table)).0;
            }
        }
        snapshot
    }

    /// The hash of the plan as it would be made now.
    pub(crate) fn plan_hash(&self, options: &Options) -> String {
        plan::hash(&self.at_the_beginning(options), &options.spec)
    }

    /// Refuses a plan that is not the one that was expanded.
    pub(crate) fn same_plan(&self, options: &Options) -> Result<&Run, Stop> {
        let Some(run) = &self.run else {
            return Err(Stop::blocked(
                "not_expanded",
                &options.spec.name,
                "there is no record of `expand`",
                "Run `dispatch cutover expand`: it takes over what is there",
            ));
        };
        if run.spec_digest != options.spec.digest() {
            return Err(Stop::blocked(
                "other_spec",
                &options.spec.name,
                "the spec is not the one that was expanded",
                "Give the same --spec, or go back with the old one first",
            ));
        }
        if run.plan_hash != self.plan_hash(options) {
            return Err(Stop::blocked(
                "drift",
                &options.spec.name,
                "the tables were changed since `expand` (columns, privileges or names), so that the plan is another one",
                "Run `dispatch cutover expand` again (it refreshes the views), then `verify`",
            ));
        }
        Ok(run)
    }
}
