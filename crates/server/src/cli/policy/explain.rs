//! `dispatch policy explain`.

use super::super::stdout::say;
use super::message::Understood;
use super::{message, routing, shown};
use crate::config::Routing;
use crate::http::route::PlannedDeliveryDto;
use anyhow::Result;
use clap::Args;
use dispatch_routing::plan::{Decision, PlannedDelivery, Verdict};
use dispatch_routing::policy::{Choice, Circumstances, Facts, Rule, key_of};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    message: message::Arguments,
    /// The policy file, instead of that of DISPATCH_POLICY
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a policy makes of one message.
#[derive(Serialize)]
pub(super) struct Explanation {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'static str>,
    pub confidence: f32,
    /// By the clock on the wall.
    pub at: String,
    pub timezone: String,
    /// The rule that decides.
    pub rule: String,
    pub auto_dispatch: bool,
    pub reason: String,
    /// `send`, `hold` or `nothing`.
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// What is done; for a held unit, after a person's word.
    pub plan: Vec<PlannedDeliveryDto>,
    pub rules: Vec<Tried>,
}

/// What became of one rule.
#[derive(Serialize)]
pub(super) struct Tried {
    pub rule: String,
    pub matches: bool,
    /// It is the first that matches.
    pub decides: bool,
    pub conditions: Vec<Asked>,
}

/// What became of one condition.
#[derive(Serialize)]
pub(super) struct Asked {
    pub condition: &'static str,
    pub wanted: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    pub holds: bool,
}

/// Tries each rule and shows what it makes of the message.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let routing = routing(arguments.policy.as_deref())?;
    let understood = arguments.message.understood(&routing.zone).await?;
    let explanation = explain(&routing, &understood);
    say(&if arguments.json { serde_json::to_string_pretty(&explanation)? } else { shown::explanation(&explanation) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn explain(routing: &Routing, understood: &Understood) -> Explanation {
    let Routing { policy, zone, .. } = routing;
    let Understood { unit, classification } = understood;
    let Decision { routing: why, rule, verdict, .. } = policy.decide(unit, classification, zone);
    let (action, hold, plan) = match verdict {
        Verdict::Dispatch(plan) => ("send", None, plan),
        Verdict::Hold(hold) => ("hold", Some(hold.reason), on_word(routing, understood)),
        Verdict::Nothing => ("nothing", None, Vec::new()),
    };
    let facts = Facts::new(classification, Circumstances::of_unit(unit, zone));
    let first = policy.rules.first(&facts, policy.threshold);
    let at = facts.circumstances.at;
    Explanation {
        kind: classification.meaning.message_type().as_str(),
        key: key_of(classification.meaning),
        confidence: facts.confidence,
        at: format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()),
        timezone: zone.name().to_owned(),
        rule,
        auto_dispatch: why.auto_dispatch,
        reason: why.reason,
        action,
        hold,
        plan: plan.iter().map(Into::into).collect(),
        rules: policy.rules.iter().map(|rule| tried(rule, first, &facts, policy.threshold)).collect(),
    }
}

fn on_word(routing: &Routing, Understood { unit, classification }: &Understood) -> Vec<PlannedDelivery> {
    let confirmed = routing.policy.confirm(unit, classification, &routing.zone, "a person", &Choice::default());
    match confirmed.map(|decision| decision.verdict) {
        Ok(Verdict::Dispatch(plan)) => plan,
        Ok(Verdict::Hold(_) | Verdict::Nothing) | Err(_) => Vec::new(),
    }
}

fn tried(rule: &Rule, first: &Rule, facts: &Facts<'_>, threshold: f32) -> Tried {
    let asked = rule.when.iter().map(|condition| Asked {
        condition: condition.name(),
        wanted: condition.wanted(threshold),
        found: condition.found(facts),
        holds: condition.holds(facts, threshold),
    });
    Tried {
        rule: rule.name.clone(),
        matches: rule.matches(facts, threshold),
        decides: rule.name == first.name,
        conditions: asked.collect(),
    }
}
