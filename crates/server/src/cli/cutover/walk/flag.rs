//! The flag's part of a cut-over: flipped with its guard, and back. What is about to be done is kept with the run in the
//! database before it is done, so that whoever comes after a kill knows it. It must not know tables.

use super::super::door::Door;
use super::counted;
use crate::compose;
use crate::config::Config;
use anyhow::{Context, Result};
use dispatch_cutover::{Options, Remark, Stop, remark, remarks};
use dispatch_pipeline::failpoint;
use dispatch_pipeline::helm::{Acknowledged, Guarding, Setting, begin, follow, set};
use dispatch_pipeline::ports::flag::{ApiVersion, Flag, FlagLedger, FlagStore, Replica, Steering};
use dispatch_postgres::connect::{self, Pool};
use dispatch_postgres::store::{PgFlag, PgFlagLedger, PgFlipWatch};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long all replicas are waited for; they take it up whether or not anybody waits.
const WAIT: Duration = Duration::from_secs(10);

/// Remarks of the run: what is about to be done, and what was.
const FLIPPING: &str = "flag_flipping";
pub(super) const FLIPPED: &str = "flag_flipped";
const UNJUDGED: &str = "flag_unjudged";
const BACK: &str = "flag_back";

const CURE: &str = "the flag cannot be reached; does the database answer, and has `dispatch migrate` run?";

/// Where the flag is read and set.
pub struct FlagDesk {
    store: Arc<dyn FlagStore>,
    pub(super) ledger: PgFlagLedger,
    pub(super) flips: PgFlipWatch,
    pool: Pool,
}

/// What a walk has done to the flag, as the run knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing, or it was taken back.
    Nothing,
    /// It was about to be flipped: it may have been.
    Flipping { before: Steering },
    /// It was flipped by the change with this mark.
    Flipped { before: Steering, mark: String },
    /// The same, and nobody has judged what came of it.
    Unjudged { before: Steering, mark: String },
}

/// What the remarks say of the flag.
pub fn kept(remarks: &[Remark]) -> Kept {
    let last = remarks.iter().rev().find(|remark| [FLIPPING, FLIPPED, UNJUDGED, BACK].contains(&&*remark.what));
    let Some(last) = last.filter(|last| last.what != BACK) else { return Kept::Nothing };
    let before = read(&last.detail["before"]);
    match last.detail["mark"].as_str() {
        Some(mark) if last.what == UNJUDGED => Kept::Unjudged { before, mark: mark.to_owned() },
        Some(mark) => Kept::Flipped { before, mark: mark.to_owned() },
        None => Kept::Flipping { before },
    }
}

fn written(steering: Steering) -> Value {
    let Steering { version, percent, shadow } = steering;
    json!({ "version": version.as_str(), "percent": percent, "shadow": shadow })
}

fn read(value: &Value) -> Steering {
    let version = value["version"].as_str().and_then(ApiVersion::parse).unwrap_or(ApiVersion::Operations);
    let percent = value["percent"].as_u64().and_then(|percent| u8::try_from(percent).ok()).unwrap_or(100);
    Steering { version, percent, shadow: value["shadow"] == true }
}

/// A steering in words.
pub fn words(steering: Steering) -> String {
    let share = if steering.percent < 100 { format!(" for {} % of authors", steering.percent) } else { String::new() };
    let shadow = if steering.shadow { ", in shadow" } else { "" };
    format!("{}{share}{shadow}", steering.version.as_str())
}

/// Everybody by the new contract.
fn aim() -> Steering {
    Steering::all_to(ApiVersion::Dispatch)
}

fn failed(error: &anyhow::Error) -> Stop {
    Stop::Failed(format!("{error:#}"))
}

fn wish(steering: Steering, reason: &str) -> Setting {
    let by = format!("cli:{}", crate::cli::key::account());
    Setting { steering, by, reason: Some(reason.to_owned()), wait: WAIT, guard: None }
}

impl FlagDesk {
    pub fn open(config: &Config, door: &Door) -> Result<Self> {
        let pool = connect::pool(door.url(), 2)?;
        let store = match compose::elsewhere(config)? {
            Some(store) => store,
            None => Arc::new(PgFlag::new(pool.clone())),
        };
        let (ledger, flips) = (PgFlagLedger::new(pool.clone()), PgFlipWatch::new(pool.clone()));
        Ok(Self { store, ledger, flips, pool })
    }

    /// The flag, where it is kept, and how many replicas live.
    pub async fn look(&self) -> Result<(Option<Flag>, &'static str, usize)> {
        let flag = self.store.read().await.context(CURE)?;
        let replicas = self.replicas().await?;
        Ok((flag, self.store.name(), replicas.iter().filter(|one| one.is_live()).count()))
    }

    /// Everybody who serves from this database, or did within the hour.
    pub async fn replicas(&self) -> Result<Vec<Replica>> {
        self.ledger.replicas().await.context(CURE)
    }

    /// Whether everybody is served by the new contract, and by nobody's pending or unjudged flip.
    pub async fn is_there(&self, kept: &Kept) -> Result<bool, Stop> {
        let flag = self.store.read().await.context(CURE).map_err(|error| failed(&error))?;
        let flag = flag.filter(|flag| flag.steering == aim());
        Ok(flag.is_some() && !matches!(kept, Kept::Flipping { .. } | Kept::Unjudged { .. }))
    }

    /// Flips it, and has the replicas guard it for so long. Repeated after a kill it arms what was not armed; where nobody has
    /// judged the last flip, it is flipped again, for a guard that sees all of the next watch.
    pub async fn flip(&self, door: &Door, options: &Options, kept: Kept, guarded: Duration) -> Result<Flip, Stop> {
        let before = match kept {
            Kept::Flipping { before } | Kept::Unjudged { before, .. } => before,
            _ => {
                let flag = self.store.read().await.context(CURE).map_err(|error| failed(&error))?;
                flag.map_or(Steering::all_to(ApiVersion::Operations), |flag| flag.steering)
            }
        };
        remark(door, options, FLIPPING, &json!({ "before": written(before) })).await?;
        failpoint::pass("cutover.flag.begun", String::new);
        // Whoever is killed meanwhile leaves nothing unguarded: the guard is there before the flip is.
        let guard = Some(Guarding { lasts: guarded, back: Some(before) });
        let (begun, wish) = (Instant::now(), Setting { guard, ..wish(aim(), "cut-over") });
        let set = begin(self.store.as_ref(), &self.ledger, &self.flips, &wish).await.context(CURE);
        let flag = set.map_err(|error| failed(&error))?;
        failpoint::pass("cutover.flag.set", String::new);
        remark(door, options, FLIPPED, &json!({ "before": written(before), "mark": flag.mark })).await?;
        let done = follow(self.store.as_ref(), &self.ledger, flag, begun, wish.wait).await.context(CURE);
        Ok(Flip::of(&done.map_err(|error| failed(&error))?, before))
    }

    /// Takes back what a walk has flipped, in a sentence; nothing where it has flipped nothing.
    async fn back(&self, door: &Door, options: &Options, kept: Kept) -> Result<String> {
        let (before, mark) = match kept {
            Kept::Nothing => return Ok(String::new()),
            Kept::Flipping { before } => (before, None),
            Kept::Flipped { before, mark } | Kept::Unjudged { before, mark } => (before, Some(mark)),
        };
        let flag = self.store.read().await.context(CURE)?;
        let ours =
            flag.as_ref().filter(|flag| flag.steering == aim() && mark.as_ref().is_none_or(|mark| *mark == flag.mark));
        let told = if ours.is_some() {
            set(self.store.as_ref(), &self.ledger, &self.flips, &wish(before, "cut-over rolled back"))
                .await
                .context(CURE)?;
            format!("the flag says {} again", words(before))
        } else {
            let says = flag.map_or("nothing".to_owned(), |flag| words(flag.steering));
            format!("the flag was set by somebody else since and is left alone: it says {says}")
        };
        remark(door, options, BACK, &json!({ "told": told })).await?;
        Ok(told)
    }
}

impl Drop for FlagDesk {
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// Keeps with the run that the guard has taken the flag back.
pub async fn guard_went_back(door: &Door, options: &Options, why: &str) -> Result<(), Stop> {
    remark(door, options, BACK, &json!({ "guard": why })).await
}

/// Keeps with the run that nobody has judged what came of the flip: the next sitting has it guarded anew.
pub async fn nobody_judged(door: &Door, options: &Options, kept: &Kept, why: &str) -> Result<(), Stop> {
    let Kept::Flipped { before, mark } = kept else { return Ok(()) };
    remark(door, options, UNJUDGED, &json!({ "before": written(*before), "mark": mark, "why": why })).await
}

/// Takes the flag back where a walk has flipped it. Answers a sentence, or nothing; an error says what to do by hand.
pub async fn back(door: &Door, options: &Options, config: impl FnOnce() -> Result<Config>) -> Result<String, String> {
    // Without records there was no walk, and without a database the stage itself has said so.
    let kept = kept(&remarks(door, options).await.unwrap_or_default());
    let before = match &kept {
        Kept::Nothing => return Ok(String::new()),
        Kept::Flipping { before } | Kept::Flipped { before, .. } | Kept::Unjudged { before, .. } => *before,
    };
    if options.dry_run {
        return Ok(format!("the flag, which `run` has flipped, would say {} again", words(before)));
    }
    let done = async { FlagDesk::open(&config()?, door)?.back(door, options, kept).await };
    done.await.map_err(|error| {
        let by_hand = format!("dispatch flag set {}", before.version.as_str());
        format!("the flag, which `run` has flipped, is not back ({error:#}): run this again, or `{by_hand}`")
    })
}

/// A flip that was done.
pub struct Flip {
    pub summary: String,
    pub figures: Value,
}

impl Flip {
    fn of(done: &Acknowledged, before: Steering) -> Self {
        let late: Vec<&str> =
            done.replicas.iter().filter(|one| one.mark != done.flag.mark).map(|one: &Replica| &*one.name).collect();
        let (of, says) = (done.replicas.len(), words(done.flag.steering));
        let summary = match (of, late.len()) {
            (0, _) => format!("the flag says {says}; no replica is alive to serve by it"),
            (_, 0) => {
                format!("the flag says {says}; {of} of {} by it", counted(of, "replica serves", "replicas serve"))
            }
            (_, late) => {
                format!("the flag says {says}; {late} of {} it up later", counted(of, "replica takes", "replicas take"))
            }
        };
        let figures = json!({ "before": words(before), "store": done.store, "replicas": of, "late": late,
            "took_ms": u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX) });
        Self { summary, figures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_the_flag_counts() {
        let remark = |what: &str, detail: Value| Remark { what: what.to_owned(), detail };
        let before = Steering { version: ApiVersion::Dispatch, percent: 10, shadow: false };
        let mut all = vec![remark("watched", Value::Null)];
        assert_eq!(kept(&all), Kept::Nothing);
        all.push(remark(FLIPPING, json!({ "before": written(before) })));
        assert_eq!(kept(&all), Kept::Flipping { before });
        all.push(remark(FLIPPED, json!({ "before": written(before), "mark": "m1" })));
        all.push(remark("watched", Value::Null));
        assert_eq!(kept(&all), Kept::Flipped { before, mark: "m1".to_owned() });
        all.push(remark(UNJUDGED, json!({ "before": written(before), "mark": "m1", "why": "nobody lives" })));
        assert_eq!(kept(&all), Kept::Unjudged { before, mark: "m1".to_owned() });
        all.push(remark(BACK, Value::Null));
        assert_eq!(kept(&all), Kept::Nothing);
    }
}
