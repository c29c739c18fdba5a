//! `switch`: the tables get their new names, one at a time, under their clients.

use super::{dry, show, watch};
use crate::crossing::Crossing;
use crate::engine::{Engine, Survey};
use crate::generate::{Move, drift, expected_view};
use crate::position::Position;
use crate::preflight;
use crate::report::{Done, Event, Finding, Level, Stop};
use crate::spec::Table;
use crate::state::{self, Run};
use serde_json::json;

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    engine.lock().await?;
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    let changed = if standing.iter().all(|(_, position)| *position >= Position::Switched) {
        false
    } else {
        ready(engine, &survey, &standing).await?;
        if engine.options.dry_run {
            for (table, position) in standing {
                show(engine, &survey, table, position, position.max(Position::Switched));
            }
            return Ok(dry(engine));
        }
        let run = survey.same_plan(engine.options)?.clone();
        watch::remember_counters(engine, &run).await?;
        let mut changed = false;
        for (table, position) in standing {
            if position == Position::Expanded {
                let crossing = Crossing { table, step: Move::Switch, memory: survey.memory(table), run: run.id };
                changed |= engine.cross(&crossing).await?;
                engine.event(run.id, "table_switched", &json!({ "table": table.from })).await?;
            }
        }
        changed
    };
    finish(engine, changed).await
}

async fn finish(engine: &Engine<'_>, changed: bool) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position < Position::Switched) {
        return Err(Stop::Failed(format!("{} is not switched; run `switch` again", table.from)));
    }
    let contracted = standing.iter().all(|(_, position)| *position == Position::Contracted);
    if let Some(run) =
        survey.run.as_ref().filter(|run| !contracted && !engine.options.dry_run && run.stage != "switched")
    {
        state::update(&engine.session, run.id, "stage = 'switched', target = NULL").await?;
        engine.event(run.id, "switched", &json!({})).await?;
    }
    if let (Some(period), false, false) = (engine.options.watch, contracted, engine.options.dry_run) {
        watch::run(engine, period).await?;
    }
    let summary = if changed { "switched: both names read and write" } else { "already switched" };
    Ok(Done::new(summary, changed))
}

/// Everything that must hold before anything is renamed.
async fn ready(engine: &Engine<'_>, survey: &Survey, standing: &[(&Table, Position)]) -> Result<(), Stop> {
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position == Position::Legacy) {
        return Err(not_expanded(table));
    }
    let run = survey.same_plan(engine.options)?;
    let mut findings = verified(engine, survey, run);
    for (table, position) in standing {
        let Some(view) = expected_view(&survey.snapshot, table, *position, &survey.memory(table)) else { continue };
        let block = |code, reason: String, cure: &str| {
            let (level, subject, cure) = (Level::Block, view.name.clone(), cure.to_owned());
            Finding { level, code, subject, reason, cure }
        };
        let wrong = drift(&survey.snapshot, &view);
        if !wrong.is_empty() {
            findings.push(block("view_drift", wrong.join("; "), "Run `expand` again, then `verify`"));
        }
        let dependants = survey.snapshot.relation(&view.name).map(|view| view.dependants.clone()).unwrap_or_default();
        if *position == Position::Expanded && !dependants.is_empty() {
            let reason = format!("{} depend on the view, which must give way", dependants.join(", "));
            findings.push(block("dependants", reason, "Drop them, and make them again after the switch"));
        }
    }
    let (_, blocks) = preflight::parted(preflight::all(engine, survey).await?);
    findings.extend(blocks);
    findings.extend(preflight::listeners(engine, survey).await?);
    if findings.is_empty() { Ok(()) } else { Err(Stop::Blocked(findings)) }
}

pub(super) fn not_expanded(table: &Table) -> Stop {
    Stop::blocked("not_expanded", &table.from, "it has no new name yet", "Run `dispatch cutover expand` first")
}

fn verified(engine: &Engine<'_>, survey: &Survey, run: &Run) -> Vec<Finding> {
    let most = engine.options.verify_max_age;
    let reason = match (run.verified_age_s, &run.verified_fingerprint) {
        (None, _) | (_, None) => "there is no successful `verify` of what is there now".to_owned(),
        (Some(age), _) if age > most.as_secs_f64() => {
            format!("the last `verify` is {:.0} minutes old, {} are allowed", age / 60.0, most.as_secs() / 60)
        }
        (_, Some(then)) if *then != survey.fingerprint(engine.options) => {
            "the tables were changed since the last `verify`".to_owned()
        }
        _ => return Vec::new(),
    };
    let cure = "Run `dispatch cutover verify`".to_owned();
    let (level, subject) = (Level::Block, engine.options.spec.name.clone());
    let finding = Finding { level, code: "not_verified", subject, reason, cure };
    engine.tell(&Event::Finding(finding.clone()));
    vec![finding]
}
