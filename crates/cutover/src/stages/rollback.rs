//! `rollback`: one stage back, with everything that was written since. Run again it goes no farther: a second run may be
//! the repeat of a killed one.

use super::{dry, show};
use crate::crossing::Crossing;
use crate::engine::{Engine, Survey};
use crate::generate::Move;
use crate::position::Position;
use crate::report::{Done, Stop};
use crate::spec::Table;
use crate::state;
use serde_json::json;

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    engine.lock().await?;
    go(engine, engine.options.rollback_to).await
}

/// The same, for a runner that holds the lock.
pub(super) async fn go(engine: &Engine<'_>, to: Option<Position>) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    let Some(target) = to.or_else(|| target(&survey, &standing)) else {
        let rolled = survey.run.as_ref().is_some_and(|run| run.stage == "rolled_back");
        let summary = if rolled {
            "already rolled back; `--to expanded` or `--to legacy` goes farther"
        } else {
            "there is nothing to roll back"
        };
        return Ok(Done::new(summary, false));
    };
    if engine.options.dry_run {
        for (table, position) in standing {
            show(engine, &survey, table, position, position.min(target));
        }
        return Ok(dry(engine));
    }
    let interrupted = survey.run.as_ref().is_some_and(|run| run.stage == "rolling_back");
    if !interrupted && standing.iter().all(|(_, position)| *position <= target) {
        return Ok(Done::new(format!("nothing is beyond {}", target.as_str()), false));
    }
    state::prepare(&engine.session, &survey.snapshot.server.default_grantees).await?;
    let run = match &survey.run {
        Some(run) => run.id,
        None => super::expand::adopt(engine, &survey, &survey.plan_hash(engine.options)).await?,
    };
    let word = target.as_str();
    state::update(&engine.session, run, &format!("stage = 'rolling_back', target = '{word}'")).await?;
    let mut changed = false;
    for (table, position) in standing.iter().rev() {
        changed |= back(engine, table, *position, target, run).await?;
    }
    let stage = if target == Position::Legacy { "legacy" } else { "rolled_back" };
    state::update(&engine.session, run, &format!("stage = '{stage}'")).await?;
    engine.event(run, stage, &json!({ "to": word })).await?;
    let told = match target {
        Position::Legacy => "rolled back: the old names alone",
        Position::Expanded => "rolled back: the tables have their old names, both names read and write",
        _ => "rolled back: the old names are there again, both names read and write",
    };
    Ok(Done::new(told, changed).with(json!({ "to": word })))
}

/// Step by step, looking again before each.
async fn back(
    engine: &Engine<'_>,
    table: &Table,
    from: Position,
    target: Position,
    run: uuid::Uuid,
) -> Result<bool, Stop> {
    let (mut at, mut changed) = (from, false);
    while at > target
        && let Some(step) = Move::towards(at, target)
    {
        let memory = engine.survey().await?.memory(table);
        changed |= engine.cross(&Crossing { table, step, memory, run }).await?;
        at = step.to();
    }
    Ok(changed)
}

/// One stage back from where everything is; nothing if that has been done.
fn target(survey: &Survey, standing: &[(&Table, Position)]) -> Option<Position> {
    let farthest = standing.iter().map(|(_, position)| *position).max()?;
    let run = survey.run.as_ref();
    let on_record = run.and_then(|run| run.target.as_deref()).and_then(Position::parse);
    let target = match run.map(|run| &*run.stage) {
        Some("rolling_back") => return on_record,
        Some("rolled_back") if on_record.is_some_and(|target| farthest <= target) => return None,
        Some("contracting" | "contracted") => Position::Switched,
        // The tables were made under their new names, or their records are gone with the last reason to go back.
        None if farthest == Position::Contracted => return None,
        _ if farthest >= Position::Switched => Position::Expanded,
        _ => Position::Legacy,
    };
    (farthest > target).then_some(target)
}
