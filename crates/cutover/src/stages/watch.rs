//! `switch --watch`: looks on after the switch, and goes back by itself when two looks in a row find things wrong. It must
//! not know how one goes back.

use super::{canary, roles, rollback};
use crate::engine::Engine;
use crate::generate::{drift, expected_view};
use crate::position::Position;
use crate::preflight::statements;
use crate::quote::literal;
use crate::quote::qualified;
use crate::report::{Event, Stop};
use crate::session::{DbError, Session};
use crate::state::{self, Run};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::{Duration, Instant};

/// Rolled back transactions a second that are nobody's concern, beyond what was usual.
const ROLLBACKS: f64 = 20.0;
/// Seconds over which they are counted: the server's own counts come up to a second late.
const WINDOW: f64 = 4.0;
/// Deadlocks between two looks that are.
const DEADLOCKS: i64 = 1;
/// How often going back is tried.
const TRIES: u32 = 60;

/// What the server counts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Counters {
    at: f64,
    rollbacks: i64,
    deadlocks: i64,
    conflicts: i64,
    /// Statements on the names, and the time they took.
    #[serde(default)]
    calls: Option<(i64, f64)>,
    /// Rollbacks a second before the switch.
    #[serde(default)]
    usual: f64,
    /// Milliseconds a statement took before the switch.
    #[serde(default)]
    usual_ms: Option<f64>,
    /// Whether the canary worked before the switch.
    #[serde(default)]
    canary: bool,
}

async fn counters(engine: &Engine<'_>) -> Result<Counters, Stop> {
    let sql = "SELECT json_build_object('at', extract(epoch FROM clock_timestamp()), 'rollbacks', xact_rollback,
        'deadlocks', deadlocks, 'conflicts', conflicts)
        FROM pg_catalog.pg_stat_database WHERE datname = current_database()";
    let mut counters: Counters = engine.session.json("reading counters", sql).await?;
    let names: Vec<&str> = engine.tables().iter().flat_map(|table| [&*table.from, &*table.to]).collect();
    counters.rollbacks -= engine.session.rolled_back();
    counters.calls = statements::spent(&engine.session, &names).await?;
    Ok(counters)
}

/// What is usual, for the time after the switch to be compared with.
pub(super) async fn remember_counters(engine: &Engine<'_>, run: &Run) -> Result<(), Stop> {
    let mut now = counters(engine).await?;
    let before: Option<Counters> = run.counters.clone().and_then(|value| serde_json::from_value(value).ok());
    if let Some(before) = before {
        let seconds = now.at - before.at;
        #[allow(clippy::cast_precision_loss)]
        if seconds > 10.0 && now.rollbacks >= before.rollbacks {
            now.usual = (now.rollbacks - before.rollbacks) as f64 / seconds;
        }
        now.usual_ms = mean(before.calls, now.calls);
    }
    let survey = engine.survey().await?;
    now.canary = true;
    for (table, position) in survey.standing(engine.tables())? {
        now.canary &= canary::sing(&engine.session, &survey, table, position).await?.is_empty();
    }
    let text = serde_json::to_string(&now).unwrap_or_default();
    Ok(state::update(&engine.session, run.id, &format!("counters = {}", literal(&text))).await?)
}

#[allow(clippy::cast_precision_loss)]
fn mean(before: Option<(i64, f64)>, after: Option<(i64, f64)>) -> Option<f64> {
    let ((calls, time), (calls_now, time_now)) = (before?, after?);
    (calls_now > calls).then(|| (time_now - time) / (calls_now - calls) as f64)
}

/// Looks on for this long.
pub(super) async fn run(engine: &Engine<'_>, period: Duration) -> Result<(), Stop> {
    let since = Instant::now();
    let mut last = counters(engine).await?;
    let mut failed = 0;
    loop {
        let problems = sample(engine, &mut last).await?;
        let left = period.saturating_sub(since.elapsed());
        engine.tell(&Event::Sample { good: problems.is_empty(), problems: problems.clone(), left_s: left.as_secs() });
        failed = if problems.is_empty() { 0 } else { failed + 1 };
        if failed == 2 && engine.options.auto_rollback {
            return Err(back(engine, &problems).await?);
        }
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(engine.options.watch_every.min(left)).await;
    }
    if failed >= 2 {
        return Err(Stop::Failed("things are wrong, and --no-auto-rollback was said: run `rollback`".to_owned()));
    }
    Ok(())
}

async fn back(engine: &Engine<'_>, problems: &[String]) -> Result<Stop, Stop> {
    let reason = problems.join("; ");
    if let Some(run) = engine.survey().await?.run {
        engine.event(run.id, "auto_rollback", &json!({ "problems": problems })).await?;
    }
    engine.note(format!("going back: {reason}"));
    for _ in 1..TRIES {
        match rollback::go(engine, Some(Position::Expanded)).await {
            Ok(_) => return Ok(Stop::RolledBack(reason)),
            Err(Stop::TryAgain { blockers, .. }) => {
                engine.tell(&Event::Waiting { table: String::new(), attempt: 0, blockers });
            }
            Err(error) => return Err(error),
        }
    }
    rollback::go(engine, Some(Position::Expanded)).await.map(|_| Stop::RolledBack(reason))
}

/// One look.
async fn sample(engine: &Engine<'_>, last: &mut Counters) -> Result<Vec<String>, Stop> {
    let session = &engine.session;
    let survey = engine.survey().await?;
    let mut problems = Vec::new();
    let Some(run) = &survey.run else { return Ok(vec!["the records are gone".to_owned()]) };
    state::beat(session, run.id).await?;
    let usual: Counters = run.counters.clone().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    match survey.standing(engine.tables()) {
        Err(stop) => problems.push(stop.to_string()),
        Ok(standing) => {
            for (table, position) in standing {
                if position != Position::Switched {
                    problems.push(format!("{} is {}, not switched", table.from, position.as_str()));
                    continue;
                }
                let Some(view) = expected_view(&survey.snapshot, table, position, &survey.memory(table)) else {
                    continue;
                };
                problems.extend(drift(&survey.snapshot, &view));
                let Some(base) = survey.snapshot.relation(&view.base) else { continue };
                problems.extend(roles::compare(session, base, &view).await?);
                problems.extend(readable(session, &base.dependants).await?);
                problems.extend(readable(session, &[qualified(&base.schema, &view.name)]).await?);
                if usual.canary {
                    problems.extend(canary::sing(session, &survey, table, position).await?);
                }
            }
        }
    }
    if run.verified_fingerprint.as_ref().is_some_and(|then| *then != survey.fingerprint(engine.options)) {
        problems.push("the tables are not what they were when they were verified".to_owned());
    }
    let now = counters(engine).await?;
    problems.extend(compared(&usual, last, &now));
    if now.at - last.at >= WINDOW {
        *last = now;
    }
    Ok(problems)
}

/// Views over the table that cannot be read any more.
async fn readable(session: &Session, views: &[String]) -> Result<Vec<String>, DbError> {
    let mut problems = Vec::new();
    for view in views {
        match session.execute(&format!("reading {view}"), &format!("SELECT FROM {view} LIMIT 0")).await {
            Ok(()) => {}
            Err(error) if error.is_lost() => return Err(error),
            Err(error) if error.is_lock_trouble() => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok(problems)
}

#[allow(clippy::cast_precision_loss)]
fn compared(usual: &Counters, last: &Counters, now: &Counters) -> Vec<String> {
    let mut problems = Vec::new();
    let seconds = now.at - last.at;
    if seconds >= WINDOW {
        let rate = (now.rollbacks - last.rollbacks) as f64 / seconds;
        if rate > usual.usual * 3.0 + ROLLBACKS {
            problems.push(format!("{rate:.1} transactions a second are rolled back, {:.1} were usual", usual.usual));
        }
        if now.deadlocks - last.deadlocks > DEADLOCKS {
            problems.push(format!("{} deadlocks since the last look", now.deadlocks - last.deadlocks));
        }
        if now.conflicts > last.conflicts {
            problems.push(format!("{} queries were cancelled on a standby", now.conflicts - last.conflicts));
        }
    }
    if let (Some(usual), Some(took)) = (usual.usual_ms, mean(last.calls, now.calls))
        && took > usual * 3.0 + 20.0
    {
        problems.push(format!("statements take {took:.1} ms, {usual:.1} ms were usual"));
    }
    problems
}
