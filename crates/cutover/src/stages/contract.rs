//! `contract`: the old names go, after the holding period and when nobody uses them. No data is ever dropped, so that even
//! this has a way back.

use super::{dry, show, usage};
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
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if standing.iter().all(|(_, position)| *position == Position::Contracted) {
        return finish(engine, false).await;
    }
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position < Position::Switched) {
        let (reason, cure) = ("it is not switched", "Run `dispatch cutover switch` first, and wait");
        return Err(Stop::blocked("not_switched", &table.from, reason, cure));
    }
    let run = survey.same_plan(engine.options)?.id;
    held(engine, &survey)?;
    if engine.options.dry_run {
        for (table, position) in standing {
            show(engine, &survey, table, position, Position::Contracted);
        }
        return Ok(dry(engine));
    }
    dependants(&survey, &standing)?;
    if !engine.options.confirmed {
        return Err(Stop::Usage("`contract` removes the old names: say --yes".to_owned()));
    }
    usage::unused(engine, &survey, &standing).await?;
    state::update(&engine.session, run, "stage = 'contracting'").await?;
    for (table, position) in &standing {
        if *position == Position::Switched {
            let crossing = Crossing { table, step: Move::Contract, memory: survey.memory(table), run };
            engine.cross(&crossing).await?;
            engine.event(run, "table_contracted", &json!({ "table": table.from })).await?;
        }
    }
    finish(engine, true).await
}

async fn finish(engine: &Engine<'_>, changed: bool) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let standing = survey.standing(engine.tables())?;
    if let Some((table, _)) = standing.iter().find(|(_, position)| *position != Position::Contracted) {
        return Err(Stop::Failed(format!("{} is not contracted; run `contract` again", table.from)));
    }
    if let Some(run) = survey.run.as_ref().filter(|run| !engine.options.dry_run && run.stage != "contracted") {
        let set = "stage = 'contracted', target = NULL, contracted_at = clock_timestamp()";
        state::update(&engine.session, run.id, set).await?;
        engine.event(run.id, "contracted", &json!({})).await?;
    }
    let summary = if changed { "contracted: the new names alone" } else { "already contracted" };
    Ok(Done::new(summary, changed))
}

/// Refuses before the holding period is over.
fn held(engine: &Engine<'_>, survey: &Survey) -> Result<(), Stop> {
    let hold = engine.options.hold.as_secs_f64();
    let since = survey.run.as_ref().and_then(|run| run.switched_age_s);
    match since {
        _ if hold == 0.0 => Ok(()),
        Some(since) if since >= hold => Ok(()),
        Some(since) => Err(Stop::Holding(format!(
            "the old names are kept for {:.0} minutes after the switch; {:.0} are left. `--hold 0s` lifts that",
            hold / 60.0,
            ((hold - since) / 60.0).ceil()
        ))),
        None => Err(Stop::Holding(
            "there is no record of when it was switched, so the holding period cannot be kept. `--hold 0s` lifts it"
                .to_owned(),
        )),
    }
}

fn dependants(survey: &Survey, standing: &[(&Table, Position)]) -> Result<(), Stop> {
    for (table, _) in standing {
        let dependants = survey.snapshot.relation(&table.from).map(|view| view.dependants.join(", "));
        if let Some(dependants) = dependants.filter(|names| !names.is_empty()) {
            let reason = format!("{dependants} depend on the old name");
            return Err(Stop::blocked("dependants", &table.from, reason, format!("Make them anew over {}", table.to)));
        }
    }
    Ok(())
}
