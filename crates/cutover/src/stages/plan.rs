//! `plan`: every statement with its lock and its time, and the hash that pins it. Reads only, stores nothing.

use crate::engine::Engine;
use crate::plan;
use crate::preflight;
use crate::report::{Done, Event, Stop};
use serde_json::json;

pub(super) async fn run(engine: &Engine<'_>) -> Result<Done, Stop> {
    let survey = engine.survey().await?;
    let findings = preflight::all(engine, &survey).await?;
    for finding in &findings {
        engine.tell(&Event::Finding(finding.clone()));
    }
    let (warnings, blocks) = preflight::parted(findings);
    let beginning = survey.at_the_beginning(engine.options);
    let planned = plan::plan(&beginning, &engine.options.spec);
    for statement in &planned {
        let plan::Planned { stage, table, sql, lock, expected_ms } = statement.clone();
        engine.tell(&Event::Statement { stage, table, sql, lock, expected_ms });
    }
    if !blocks.is_empty() {
        return Err(Stop::Blocked(blocks));
    }
    let hash = plan::hash(&beginning, &engine.options.spec);
    let detail = json!({ "plan": hash, "statements": planned.len(), "warnings": warnings.len() });
    Ok(Done::new(format!("plan {hash}: {} statements", planned.len()), false).with(detail))
}
