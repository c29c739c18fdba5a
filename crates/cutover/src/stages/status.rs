//! `status`: where everything stands. Takes no lock and changes nothing, so that it works beside a runner.

use crate::engine::Engine;
use crate::generate::{drift, expected_view};
use crate::lock::{self, Lock};
use crate::position::Place;
use crate::report::{Done, Event, Stop};
use serde_json::{Value, json};

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let holder = lock::holder(&engine.session, Lock::Stage).await?;
    let walk = lock::holder(&engine.session, Lock::Walk).await?;
    let tables: Vec<Value> = engine
        .tables()
        .iter()
        .zip(&survey.places)
        .map(|(table, place)| {
            let (position, problem) = match place {
                Place::At(position) => (position.as_str(), None),
                Place::Absent => ("absent", None),
                Place::Taken { name, by } => ("blocked", Some(format!("{name} is {by}"))),
                Place::Unsuitable { name, why } => ("blocked", Some(format!("{name}: {why}"))),
            };
            let view = match place {
                Place::At(at) => expected_view(&survey.snapshot, table, *at, &survey.memory(table)),
                _ => None,
            };
            let drift = view.map(|view| drift(&survey.snapshot, &view)).unwrap_or_default();
            let step = survey.run.as_ref().and_then(|run| run.steps.get(&table.from));
            json!({ "from": table.from, "to": table.to, "position": position, "problem": problem, "drift": drift,
            "filled": step.map_or(0, |step| step.filled) })
        })
        .collect();
    let run = survey.run.as_ref().map(|run| {
        json!({ "id": run.id, "stage": run.stage, "target": run.target, "plan": run.plan_hash, "host": run.host,
            "pid": run.pid, "heartbeat_age_s": run.heartbeat_age_s, "verified_age_s": run.verified_age_s,
            "verified": run.verified_fingerprint.as_ref().is_some_and(|then| *then == survey.fingerprint(engine.options)),
            "verified_rows": run.verified_rows, "switched_age_s": run.switched_age_s,
            "hold_left_s": run.switched_age_s.filter(|_| run.stage == "switched")
                .map(|since| (engine.options.hold.as_secs_f64() - since).max(0.0)), "paused": run.paused })
    });
    let stage = survey.run.as_ref().map_or("none", |run| &*run.stage).to_owned();
    let status = json!({ "spec": engine.options.spec.name, "stage": stage, "run": run, "tables": tables,
        "runner": holder.map(|holder| holder.told()),
        "walk": walk.map(|holder| holder.told()), "fingerprint": survey.fingerprint(engine.options) });
    engine.tell(&Event::Status(Box::new(status)));
    Ok(Done::new(format!("stage: {stage}"), false))
}
