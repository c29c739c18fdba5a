//! What the paths of the old contract answered lately, and what the shadow has compared. Must not know who asks.

use super::words::stamp;
use super::{CURE, Desk};
use crate::cli::stdout::say;
use anyhow::{Context, Result};
use dispatch_pipeline::helm::Traffic;
use dispatch_pipeline::ports::flip_watch::FlipWatch;
use serde_json::{Map, Value, json};

impl Desk {
    /// In lines.
    pub(super) async fn lately(&self) -> Result<()> {
        for one in self.flips.recent().await.context(CURE)? {
            let (route, contract, Traffic { answered, failed, slow }) = (one.route, one.contract.as_str(), one.hour);
            let (week, last) = (one.week.answered, stamp(one.last));
            say(&format!(
                "  {route} by {contract}: {answered} in the last hour, {failed} failed, {slow} slow; {week} in seven days, \
                 last at {last}"
            ))?;
        }
        for (route, compared) in self.flips.comparisons().await.context(CURE)? {
            let (all, differed) = (compared.compared, compared.differed);
            say(&format!("  {route} in the shadow: {all} compared in the last hour, {differed} differed"))?;
        }
        for (route, field, times) in self.flips.differences().await.context(CURE)? {
            say(&format!("  {route}: {field} would have differed {times} times"))?;
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) async fn lately_json(&self, shown: &mut Value) -> Result<()> {
        let figures = |of: Traffic| json!({ "answered": of.answered, "failed": of.failed, "slow": of.slow });
        let recent = self.flips.recent().await.context(CURE)?;
        let traffic = recent.into_iter().map(|one| {
            json!({ "route": one.route, "contract": one.contract.as_str(), "last_hour": figures(one.hour),
                "last_seven_days": figures(one.week), "last_at": stamp(one.last) })
        });
        shown["traffic"] = traffic.collect();
        let differences = self.flips.differences().await.context(CURE)?;
        let compared = self.flips.comparisons().await.context(CURE)?;
        let shadow = compared.into_iter().map(|(route, compared)| {
            let fields: Map<String, Value> = differences
                .iter()
                .filter(|(of, ..)| *of == route)
                .map(|(_, field, times)| (field.clone(), json!(times)))
                .collect();
            json!({ "route": route, "compared": compared.compared, "differed": compared.differed, "fields": fields })
        });
        shown["shadow_last_hour"] = shadow.collect();
        Ok(())
    }
}
