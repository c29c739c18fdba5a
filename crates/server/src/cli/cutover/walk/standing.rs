//! Where everything stands, as the engine's `status` tells it. It must not decide what follows.

use super::super::door::Door;
use dispatch_cutover::{Event, Options, Position, Reporter, Stage, Stop};
use serde_json::Value;
use std::sync::Mutex;

/// Where everything stands.
pub struct Standing {
    /// Of the tables that exist.
    positions: Vec<Position>,
    /// The word of the records, `none` without any.
    pub stage: String,
    /// Seconds since a `verify` of what is there now succeeded.
    pub verified_age_s: Option<f64>,
    /// Seconds since the switch.
    pub switched_age_s: Option<f64>,
}

#[derive(Default)]
struct Listening(Mutex<Option<Value>>);

impl Reporter for Listening {
    fn tell(&self, event: &Event) {
        if let (Event::Status(status), Ok(mut heard)) = (event, self.0.lock()) {
            *heard = Some((**status).clone());
        }
    }
}

impl Standing {
    pub async fn look(door: &Door, options: &Options) -> Result<Self, Stop> {
        let heard = Listening::default();
        dispatch_cutover::run(door, Stage::Status, options, &heard).await?;
        let status = heard.0.into_inner().ok().flatten().unwrap_or_default();
        Ok(Self::read(&status))
    }

    fn read(status: &Value) -> Self {
        let tables = status["tables"].as_array().into_iter().flatten();
        let run = &status["run"];
        Self {
            positions: tables.filter_map(|table| Position::parse(table["position"].as_str()?)).collect(),
            stage: status["stage"].as_str().unwrap_or("none").to_owned(),
            verified_age_s: run["verified_age_s"].as_f64().filter(|_| run["verified"] == true),
            switched_age_s: run["switched_age_s"].as_f64(),
        }
    }

    /// Where the table stands that is the least far.
    pub fn least(&self) -> Position {
        self.positions.iter().min().copied().unwrap_or(Position::Legacy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_that_is_behind_counts_and_absent_ones_do_not() {
        let standing = Standing::read(&json!({ "stage": "expanded", "tables": [{ "position": "switched" },
            { "position": "expanded" }, { "position": "absent" }], "run": { "verified": false, "verified_age_s": 3.0 } }));
        assert_eq!((standing.least(), standing.verified_age_s), (Position::Expanded, None));
        assert_eq!(Standing::read(&json!({ "tables": [] })).least(), Position::Legacy);
    }
}
