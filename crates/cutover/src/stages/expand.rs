//! `expand`: the new names appear beside the old ones, as views. Run again it refreshes views that are not as they should
//! be, and pins the plan anew.

use super::{dry, show, watch};
use crate::crossing::Crossing;
use crate::engine::{Engine, Survey};
use crate::generate::{Move, drift, expected_view};
use crate::position::Position;
use crate::preflight;
use crate::report::{Done, Event, Stop};
use crate::state;
use serde_json::json;
use uuid::Uuid;

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    engine.lock().await?;
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if standing.iter().all(|(_, position)| *position == Position::Contracted) {
        return Ok(Done::new("the tables have their new names alone; there is nothing to expand", false));
    }
    let (warnings, blocks) = preflight::parted(preflight::all(engine, &survey).await?);
    for finding in warnings {
        engine.tell(&Event::Finding(finding));
    }
    if !blocks.is_empty() {
        return Err(Stop::Blocked(blocks));
    }
    let hash = survey.plan_hash(engine.options);
    if let Some(meant) = engine.options.plan.as_ref().filter(|meant| **meant != hash) {
        let (reason, cure) = (format!("the plan is {hash}, not {meant}"), "Read `dispatch cutover plan` again");
        return Err(Stop::blocked("other_plan", &engine.options.spec.name, reason, cure));
    }
    if engine.options.dry_run {
        for (table, position) in standing {
            show(engine, &survey, table, position, position.max(Position::Expanded));
        }
        return Ok(dry(engine));
    }
    state::prepare(&engine.session, &survey.snapshot.server.default_grantees).await?;
    let run = adopt(engine, &survey, &hash).await?;
    let mut changed = false;
    for (table, position) in standing {
        changed |= one(engine, &survey, table, position, run).await?;
    }
    finish(engine, run, &survey, changed).await
}

/// The run that goes on, or a new one where none is open.
pub(super) async fn adopt(engine: &Engine<'_>, survey: &Survey, hash: &str) -> Result<Uuid, Stop> {
    match &survey.run {
        Some(run) if !matches!(&*run.stage, "legacy" | "contracted") => Ok(run.id),
        _ => {
            let id = state::begin(&engine.session, &engine.options.spec, hash, "expanding").await?;
            engine.event(id, "begun", &json!({ "plan": hash })).await?;
            Ok(id)
        }
    }
}

async fn one(
    engine: &Engine<'_>,
    survey: &Survey,
    table: &crate::spec::Table,
    position: Position,
    run: Uuid,
) -> Result<bool, Stop> {
    let memory = survey.memory(table);
    let crossing = |step| Crossing { table, step, memory: memory.clone(), run };
    if position == Position::Legacy {
        return engine.cross(&crossing(Move::Expand)).await;
    }
    let expected = expected_view(&survey.snapshot, table, position, &memory);
    let wrong = expected.map(|view| drift(&survey.snapshot, &view)).unwrap_or_default();
    if wrong.is_empty() {
        return Ok(false);
    }
    engine.note(format!("the view is made anew: {}", wrong.join("; ")));
    let step = if position == Position::Expanded { Move::RefreshNew } else { Move::RefreshOld };
    engine.cross(&crossing(step)).await
}

/// Looks again, and pins the plan as it is now.
async fn finish(engine: &Engine<'_>, run: Uuid, before: &Survey, changed: bool) -> Result<Done, Stop> {
    let after = engine.survey().await?;
    let standing = after.standing(engine.tables())?;
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position == Position::Legacy) {
        return Err(Stop::Failed(format!("{} has no new name yet; run `expand` again", table.from)));
    }
    let hash = after.plan_hash(engine.options);
    let switched = standing.iter().any(|(_, position)| *position >= Position::Switched);
    let stage = if switched { "switched" } else { "expanded" };
    let known = before.run.as_ref().filter(|known| known.id == run);
    let pinned =
        known.is_some_and(|known| known.plan_hash == hash && known.spec_digest == engine.options.spec.digest());
    if !pinned || changed || known.is_some_and(|known| known.stage != stage) {
        let digest = engine.options.spec.digest();
        // What was verified, was verified of other views.
        let unverified = if pinned && !changed { "" } else { ", verified_at = NULL, verified_fingerprint = NULL" };
        let set =
            format!("stage = '{stage}', target = NULL, plan_hash = '{hash}', spec_digest = '{digest}'{unverified}");
        state::update(&engine.session, run, &set).await?;
        watch::begin_counting(engine, run).await?;
        engine.event(run, stage, &json!({ "plan": hash, "changed": changed })).await?;
    }
    let summary = if changed { "both names read and write" } else { "already expanded: both names read and write" };
    Ok(Done::new(summary, changed).with(json!({ "plan": hash, "run": run })))
}
