//! The stages, one file each. Each is idempotent, and each ends by looking at the catalogue again.

mod again;
mod backfill;
mod canary;
mod contract;
mod expand;
mod plan;
mod ranges;
mod roles;
mod rollback;
mod status;
mod switch;
mod usage;
mod verify;
mod watch;

use crate::engine::{Engine, Survey};
use crate::generate::ops;
use crate::options::Options;
use crate::position::Position;
use crate::report::{Done, Event, Reporter, Stage, Stop};
use crate::session::Connector;
use crate::spec::Table;

/// Runs a stage to its end. When the server ends its session in the middle, it goes on with another one.
///
/// # Errors
///
/// Why it ended early; [`Stop::exit_code`] is what the process should end with.
pub async fn run(
    connector: &dyn Connector,
    stage: Stage,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Done, Stop> {
    match Box::pin(again::carried_out(connector, stage, options, reporter)).await {
        // Looking alone waits behind somebody who has a table to himself.
        Err(Stop::Database(error)) if error.is_lock_trouble() => {
            let what = format!("{}, {error}:", stage.as_str());
            Err(Stop::TryAgain { what, waited_ms: 3_000, blockers: Vec::new() })
        }
        outcome => outcome,
    }
}

async fn once(engine: &Engine<'_>) -> Result<Done, Stop> {
    match engine.stage {
        Stage::Plan => Box::pin(plan::run(engine)).await,
        Stage::Preflight => Box::pin(preflight(engine)).await,
        Stage::Expand => Box::pin(expand::run(engine)).await,
        Stage::Backfill => Box::pin(backfill::run(engine)).await,
        Stage::Verify => Box::pin(verify::run(engine)).await,
        Stage::Switch => Box::pin(switch::run(engine)).await,
        Stage::Status => Box::pin(status::run(engine)).await,
        Stage::Rollback => Box::pin(rollback::run(engine)).await,
        Stage::Contract => Box::pin(contract::run(engine)).await,
    }
}

async fn preflight(engine: &Engine<'_>) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let findings = crate::preflight::all(engine, &survey).await?;
    for finding in &findings {
        engine.tell(&Event::Finding(finding.clone()));
    }
    let (warnings, blocks) = crate::preflight::parted(findings);
    if blocks.is_empty() {
        return Ok(Done::new(format!("nothing stands in the way; {} warnings", warnings.len()), false));
    }
    Err(Stop::Blocked(blocks))
}

/// What a dry run shows instead of a step.
fn show(engine: &Engine<'_>, survey: &Survey, table: &Table, from: Position, to: Position) {
    let (mut snapshot, mut memory, mut at) = (survey.snapshot.clone(), survey.memory(table), from);
    while let Some(step) = crate::generate::Move::towards(at, to) {
        for op in ops(&snapshot, &engine.options.spec, table, step, &memory) {
            for sql in op.statements() {
                let (stage, table) = (engine.stage, table.from.clone());
                engine.tell(&Event::Statement { stage, table, sql, lock: String::new(), expected_ms: 0.0 });
            }
        }
        (snapshot, memory) = crate::model::moved(&snapshot, &engine.options.spec, table, at, step.to(), &memory);
        at = step.to();
    }
}

fn dry(engine: &Engine<'_>) -> Done {
    Done::new(format!("dry run: this is what `{}` would send; nothing was changed", engine.stage.as_str()), false)
}
