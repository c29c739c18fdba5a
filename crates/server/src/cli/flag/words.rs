//! The flag in words and as JSON. Must not know who asks.

use crate::cli::stdout::say;
use anyhow::Result;
use dispatch_pipeline::helm::wish::is_plain;
use dispatch_pipeline::ports::flag::{FlagChange, Replica, Steering};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) fn steering(steering: Steering) -> Value {
    let Steering { version, percent, shadow } = steering;
    json!({ "api_version": version.as_str(), "api_base": version.base(), "percent": percent, "shadow": shadow })
}

pub(super) fn words(steering: Steering) -> String {
    let Steering { version, percent, shadow } = steering;
    let share = if percent < 100 { format!(" for {percent} % of authors") } else { String::new() };
    let shadow = if shadow { "; operations answers, dispatch runs beside it without effects" } else { "" };
    format!("api_version: {}{share}{shadow}", version.as_str())
}

pub(super) fn stamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

pub(super) fn replica(one: &Replica, mark: &str) -> Value {
    json!({ "replica": one.name, "serves": one.mark == mark, "since": stamp(one.since) })
}

pub(super) fn lines(replicas: &[Replica], mark: &str) -> Result<()> {
    for one in replicas {
        let serves = if one.mark == mark { "serves by it since" } else { "does not yet; as before since" };
        say(&format!("  {} {serves} {}", one.name, stamp(one.since)))?;
    }
    Ok(())
}

pub(super) fn changed(change: &FlagChange) -> Value {
    let mut shown = steering(change.flag.steering);
    shown["by"] = json!(change.by);
    shown["at"] = json!(stamp(change.at));
    if let Some(reason) = &change.reason {
        shown["reason"] = json!(reason);
    }
    shown
}

pub(super) fn told(change: &FlagChange) -> String {
    let why = change.reason.as_deref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
    format!("{}  {}  by {}{why}", stamp(change.at), words(change.flag.steering), one_line(&change.by))
}

/// One change is one line, whatever an earlier release let in.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if is_plain(character) { character } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_pipeline::ports::flag::{ApiVersion, Flag};

    #[test]
    fn a_share_and_a_shadow_are_said() {
        let part = Steering { version: ApiVersion::Dispatch, percent: 25, shadow: true };
        let said =
            "api_version: dispatch for 25 % of authors; operations answers, dispatch runs beside it without effects";
        assert_eq!(words(part), said);
        assert_eq!(words(Steering::all_to(ApiVersion::Operations)), "api_version: operations");
    }

    #[test]
    fn nobody_writes_a_line_of_somebody_else() {
        let flag = Flag { steering: Steering::all_to(ApiVersion::Operations), mark: "m".into() };
        let reason = Some("a\n2026-01-01T00:00:00Z  by cli:alice".to_owned());
        let change = FlagChange { flag, by: "cli:a\u{1b}[1A".into(), reason, at: OffsetDateTime::UNIX_EPOCH };
        let said = told(&change);
        assert!(said.chars().all(is_plain) && said.contains("by cli:a") && said.contains("2026-01-01"), "{said:?}");
    }
}
