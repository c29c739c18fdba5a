//! The policy on the wire. What is absent is left out, never null; a phone number is never whole.

use super::policy_words::{PolicySourceDto, RuleActionDto, ThresholdSourceDto, WeekdayDto};
use crate::config::Routing;
use crate::http::missions::{MissionTypeDto, VisibilityDto};
use crate::http::reason::{MessageSourceDto, MessageTypeDto};
use crate::http::timestamp::Timestamp;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::policy::{Action, Band, Condition, Policy, Rule, Warning, key_of};
use dispatch_routing::storage::ActivityTemplate;
use serde::Serialize;
use utoipa::ToSchema;

/// What decides about classifications.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Policy, example = json!({
    "source": "file", "file": "/etc/dispatch/policy.toml", "loaded_at": "2026-11-20T14:03:07.120Z",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "timezone": "America/Toronto",
    "threshold": 0.7, "threshold_source": "policy",
    "rules": [
        { "name": "chatter", "line": 3, "when": { "type": ["IGNORE"] }, "action": "nothing", "to": [], "because": "Chatter" },
        { "name": "night", "line": 8, "when": { "time": ["22:00-06:00"] }, "action": "hold", "to": [], "hold": { "reason": "night" } },
        { "name": "work", "line": 13, "when": {}, "action": "send", "to": ["task_orchestrator", "receipt"], "threshold": 0.7 },
    ],
    "question": { "every_minutes": 60, "text": "Something is missing: {missing}." },
    "receipt": {
        "task": "Task detected!", "listing": "Listing detected: {group} - {address}",
        "listing_without_address": "Listing detected: {group}", "taken": "Somebody is already working on this.",
    },
    "retry": { "pauses_seconds": [1, 5, 30], "deadline_hours": 24 },
    "retry_machines": { "pauses_seconds": [5, 300, 1800], "deadline_hours": 120 }, "task_types": [{ "key": "SALE_ACTIVE_TASKS", "type": "MARKETING" }],
    "templates": [{ "key": "default", "activities": [{ "name": "Review listing details", "type": "ADMIN", "visibility": "BOTH" }] }],
    "endpoints": ["crm"], "agents": [], "warnings": [],
}))]
pub struct PolicyDto {
    /// Where it is from.
    pub source: PolicySourceDto,
    /// The file, as this server was told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file: Option<String>,
    /// SHA-256 of its text, in hex.
    #[schema(min_length = 64, max_length = 64)]
    pub sha256: String,
    /// When this server read it.
    #[schema(value_type = String, format = DateTime)]
    pub loaded_at: Timestamp,
    /// The IANA name of the zone that hours and days of rules are in.
    pub timezone: String,
    /// Confidence from which Dispatch acts by itself, where a rule does not say otherwise.
    #[schema(minimum = 0, maximum = 1)]
    pub threshold: f32,
    /// Whether that is the policy's own, or set over it.
    pub threshold_source: ThresholdSourceDto,
    /// In order: the first whose conditions all hold decides.
    pub rules: Vec<RuleDto>,
    /// What is asked when something is missing.
    pub question: PolicyQuestionDto,
    /// What people hear of their messages.
    pub receipt: PolicyReceiptDto,
    /// When deliveries to people are tried again.
    pub retry: PolicyRetryDto,
    /// The same of endpoints and agents.
    pub retry_machines: PolicyRetryDto,
    /// Keys whose tasks are not ADMIN work.
    pub task_types: Vec<TaskTypeDto>,
    /// The activities of new listings.
    pub templates: Vec<TemplateDto>,
    /// The names of `[endpoints]`, each of which a rule may call `webhook:NAME`.
    pub endpoints: Vec<String>,
    /// The names of `[agents]`, each of which a rule may call `agent:NAME`.
    pub agents: Vec<String>,
    /// What is questionable about it.
    pub warnings: Vec<PolicyWarningDto>,
}

/// A rule of the policy.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyRule, example = json!({
    "name": "work", "line": 13, "when": { "type": ["STRAY"] }, "action": "send", "to": ["task_orchestrator", "receipt"], "threshold": 0.7,
}))]
pub struct RuleDto {
    /// Its name, which every decision that it makes carries.
    #[schema(example = "work")]
    pub name: String,
    /// The line of the file that it begins at; absent where the file leaves the rules to the built-in policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Int32)]
    pub line: Option<usize>,
    /// All that must hold; nothing for the last rule.
    pub when: ConditionsDto,
    /// What it does.
    pub action: RuleActionDto,
    /// Where to: at once when it sends, after a person's word when it holds.
    #[schema(example = json!(["task_orchestrator", "receipt"]))]
    pub to: Vec<String>,
    /// Confidence from which it sends without a person's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub threshold: Option<f32>,
    /// How it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold: Option<PolicyHoldDto>,
    /// What it says about why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub because: Option<String>,
}

/// Conditions of a rule. All of them must hold; of several values, one is enough.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
#[schema(as = PolicyConditions, example = json!({ "type": ["STRAY"], "confidence": { "below": 0.5 }, "weekday": ["sat", "sun"] }))]
pub struct ConditionsDto {
    /// What sort of message it is.
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub types: Vec<MessageTypeDto>,
    /// The key of a GROUP or a STRAY.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["SALE_LISTING"]))]
    pub key: Vec<String>,
    /// How sure the classifier is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confidence: Option<ConfidenceBandDto>,
    /// Where it was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub source: Vec<MessageSourceDto>,
    /// Slack team, or Twilio account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub workspace: Vec<String>,
    /// Slack channel, or one of our numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub channel: Vec<String>,
    /// Slack user; of a phone number the last two digits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["U1", "+…42"]))]
    pub author: Vec<String>,
    /// Hours of the day, their end excluded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["22:00-06:00"]))]
    pub time: Vec<String>,
    /// Days of the week.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub weekday: Vec<WeekdayDto>,
    /// Whether it is files alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wordless: Option<bool>,
    /// Whether files came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attachments: Option<bool>,
}

/// A range of confidences, with the numbers in force.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ConfidenceBand, example = json!({ "at_least": 0.3, "below": 0.7 }))]
pub struct ConfidenceBandDto {
    /// Its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub at_least: Option<f32>,
    /// Its end, excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub below: Option<f32>,
}

/// How a rule holds a unit for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyHold, example = json!({ "reason": "needs_approval", "expires_after_hours": 24 }))]
pub struct PolicyHoldDto {
    /// The code that `GET /route/held` shows.
    pub reason: String,
    /// When it lapses, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Int64)]
    pub expires_after_hours: Option<u64>,
}

/// What is asked when something is missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyQuestion, example = json!({ "every_minutes": 60, "text": "Something is missing: {missing}." }))]
pub struct PolicyQuestionDto {
    /// At most one in so many minutes, for each conversation.
    #[schema(format = Int64)]
    pub every_minutes: u64,
    /// The words.
    pub text: String,
}

/// What people hear of their messages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyReceipt, example = json!({
    "task": "Task detected!", "listing": "Listing detected: {group} - {address}",
    "listing_without_address": "Listing detected: {group}", "taken": "Somebody is already working on this.",
}))]
#[allow(missing_docs)] // as in the file
pub struct PolicyReceiptDto {
    pub task: String,
    pub listing: String,
    pub listing_without_address: String,
    pub taken: String,
}

/// When deliveries are tried again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyRetry, example = json!({ "pauses_seconds": [1, 5, 30], "deadline_hours": 24 }))]
pub struct PolicyRetryDto {
    /// The pause after each attempt; then it is given up.
    #[schema(value_type = Vec<i64>)]
    pub pauses_seconds: Vec<u64>,
    /// After so many hours it is given up, however many pauses are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, nullable = false)]
    pub deadline_hours: Option<u64>,
}

fn schedule(policy: &Policy, kind: DestinationKind) -> PolicyRetryDto {
    let schedule = policy.retry.of(kind);
    PolicyRetryDto {
        pauses_seconds: schedule.pauses_seconds().to_vec(),
        deadline_hours: schedule.deadline().map(|age| age.as_secs() / 3600),
    }
}

/// A key whose tasks are not ADMIN work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = TaskType, example = json!({ "key": "SALE_ACTIVE_TASKS", "type": "MARKETING" }))]
pub struct TaskTypeDto {
    /// The task key.
    pub key: String,
    /// What sort of work its tasks are.
    #[serde(rename = "type")]
    pub mission_type: MissionTypeDto,
}

/// The activities of a new listing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = ListingTemplate, example = json!({
    "key": "default", "activities": [{ "name": "Review listing details", "type": "ADMIN", "visibility": "BOTH" }],
}))]
pub struct TemplateDto {
    /// The group key, or `default` for every other one.
    pub key: String,
    /// The most important first.
    pub activities: Vec<TemplateActivityDto>,
}

/// One activity of a template.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = TemplateActivity, example = json!({ "name": "Review listing details", "type": "ADMIN", "visibility": "BOTH" }))]
pub struct TemplateActivityDto {
    /// Its title.
    pub name: String,
    /// What sort of work it is.
    #[serde(rename = "type")]
    pub mission_type: MissionTypeDto,
    /// Who sees it.
    pub visibility: VisibilityDto,
}

/// What is questionable about a policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyWarning, example = json!({
    "rule": "sales", "message": "rule `sales` never matches: the earlier rule `groups` takes everything it asks for",
}))]
pub struct PolicyWarningDto {
    /// The rule it is about.
    pub rule: String,
    /// What it is.
    pub message: String,
}

impl From<&Routing> for PolicyDto {
    fn from(Routing { policy, origin, threshold_is_set, zone }: &Routing) -> Self {
        Self {
            source: if origin.path.is_some() { PolicySourceDto::File } else { PolicySourceDto::BuiltIn },
            file: origin.path.clone(),
            sha256: origin.sha256.clone(),
            loaded_at: origin.loaded_at.into(),
            timezone: zone.name().to_owned(),
            threshold: policy.threshold,
            threshold_source: match threshold_is_set {
                true => ThresholdSourceDto::Environment,
                false => ThresholdSourceDto::Policy,
            },
            rules: policy.rules.iter().map(|rule| rule_dto(rule, policy.threshold)).collect(),
            question: PolicyQuestionDto {
                every_minutes: policy.question.every_minutes,
                text: policy.question.text.clone(),
            },
            receipt: PolicyReceiptDto {
                task: policy.receipt.task.clone(),
                listing: policy.receipt.listing.clone(),
                listing_without_address: policy.receipt.listing_without_address.clone(),
                taken: policy.receipt.taken.clone(),
            },
            retry: schedule(policy, DestinationKind::Slack),
            retry_machines: schedule(policy, DestinationKind::Webhook),
            task_types: task_types(policy),
            templates: templates(policy),
            endpoints: policy.endpoints.webhooks.keys().cloned().collect(),
            agents: policy.endpoints.agents.keys().cloned().collect(),
            warnings: policy.warnings().iter().map(Into::into).collect(),
        }
    }
}

fn rule_dto(rule: &Rule, default: f32) -> RuleDto {
    let (action, to, threshold, hold) = match &rule.action {
        Action::Nothing => (RuleActionDto::Nothing, &[][..], None, None),
        Action::Send { to, threshold } => (RuleActionDto::Send, &to[..], Some(threshold.unwrap_or(default)), None),
        Action::Hold { reason, expires_after, then } => {
            let expires_after_hours = expires_after.map(|time| time.as_secs() / 3_600);
            let hold = PolicyHoldDto { reason: reason.clone(), expires_after_hours };
            (RuleActionDto::Hold, &then[..], None, Some(hold))
        }
    };
    RuleDto {
        name: rule.name.clone(),
        line: (rule.line > 0).then_some(rule.line),
        when: conditions(&rule.when, default),
        action,
        to: to.iter().map(ToString::to_string).collect(),
        threshold,
        hold,
        because: rule.because.clone(),
    }
}

fn conditions(all: &[Condition], threshold: f32) -> ConditionsDto {
    let mut shown = ConditionsDto::default();
    for condition in all {
        match condition {
            Condition::Type(types) => shown.types = types.iter().map(|one| (*one).into()).collect(),
            Condition::Key(keys) => shown.key = keys.iter().filter_map(|key| key_of(*key)).map(Into::into).collect(),
            Condition::Confidence(band) => shown.confidence = Some(band_dto(*band, threshold)),
            Condition::Source(sources) => shown.source = sources.iter().map(|one| (*one).into()).collect(),
            Condition::Workspace(names) => shown.workspace.clone_from(names),
            Condition::Channel(names) => shown.channel.clone_from(names),
            Condition::Author(names) => shown.author = names.iter().map(|name| masked(name)).collect(),
            Condition::Time(_) => shown.time = condition.wanted(threshold),
            Condition::Weekday(days) => shown.weekday = days.iter().map(|day| (*day).into()).collect(),
            Condition::Wordless(wanted) => shown.wordless = Some(*wanted),
            Condition::Attachments(wanted) => shown.attachments = Some(*wanted),
        }
    }
    shown
}

fn band_dto(band: Band, threshold: f32) -> ConfidenceBandDto {
    let number = |bound: dispatch_routing::policy::Bound| bound.get(threshold);
    ConfidenceBandDto { at_least: band.at_least.map(number), below: band.below.map(number) }
}

/// Of a phone number, no more than tells it from another one.
fn masked(author: &str) -> String {
    let Some(digits) = author.strip_prefix('+') else { return author.to_owned() };
    format!("+…{}", digits.get(digits.len().saturating_sub(2)..).unwrap_or_default())
}

fn task_types(policy: &Policy) -> Vec<TaskTypeDto> {
    let each = policy.task_types.iter();
    each.map(|(key, kind)| TaskTypeDto { key: key.as_str().to_owned(), mission_type: (*kind).into() }).collect()
}

fn templates(policy: &Policy) -> Vec<TemplateDto> {
    let template = |key: &str, activities: &[ActivityTemplate]| TemplateDto {
        key: key.to_owned(),
        activities: activities.iter().map(activity).collect(),
    };
    let own = policy.templates.iter().map(|(key, activities)| template(key.as_str(), activities));
    own.chain([template("default", &policy.default_template)]).collect()
}

fn activity(template: &ActivityTemplate) -> TemplateActivityDto {
    TemplateActivityDto {
        name: template.name.clone(),
        mission_type: template.mission_type.into(),
        visibility: template.visibility.into(),
    }
}

impl From<&Warning> for PolicyWarningDto {
    fn from(warning: &Warning) -> Self {
        Self { rule: warning.rule.clone(), message: warning.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_phone_number_two_digits_are_shown() {
        assert_eq!([masked("+14165550142"), masked("U1"), masked("+")], ["+…42", "U1", "+…"]);
    }
}
