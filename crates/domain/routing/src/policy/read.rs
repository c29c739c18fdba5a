//! Reads a policy file, section by section, and finds every mistake in it. Must not know what is done with what it says.

use super::ask::Held;
use super::endpoints::Endpoints;
use super::file::{Question, Receipt};
use super::problem::{PolicyError, Problems};
use super::rule::Rules;
use super::toml_walk::{Table, Value, shaped, share};
use super::{read_programs, read_rules};
use crate::backoff::Retries;
use crate::limits::Limits;
use crate::storage::ActivityTemplate;
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::mission::MissionType;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// What a file says; what it does not say is absent.
#[derive(Default)]
pub(super) struct Draft {
    pub threshold: Option<f32>,
    pub rules: Option<Rules>,
    pub question: Option<Question>,
    pub receipt: Option<Receipt>,
    pub held: Option<Held>,
    pub retry: Option<Retries>,
    pub limits: Option<Limits>,
    pub task_types: Option<BTreeMap<TaskKey, MissionType>>,
    pub templates: Option<Templates>,
    pub endpoints: Endpoints,
}

/// The templates of group keys, and the one for every other key.
pub(super) type Templates = (BTreeMap<GroupKey, Vec<ActivityTemplate>>, Vec<ActivityTemplate>);

const SECTIONS: [&str; 11] = [
    "threshold",
    "rules",
    "question",
    "held",
    "receipt",
    "retry",
    "limits",
    "task_types",
    "templates",
    "endpoints",
    "agents",
];

/// A listing has as many priorities, from 10 to 0.
const MOST_ACTIVITIES: usize = 11;

impl Draft {
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let mut problems = Problems::in_text(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        let end = text.len()..text.len();
        if !errors.is_empty() {
            // What cannot be read as TOML is read too badly to say anything else about it.
            errors.iter().for_each(|error| problems.add_error(error, end.clone(), None));
            return problems.unless_any(None);
        }
        let table = Table { at: document.span(), entries: document.get_ref() };
        let draft = Self::of(&mut problems, &table);
        problems.unless_any(Some(draft))
    }

    fn of(problems: &mut Problems<'_>, table: &Table<'_, '_>) -> Self {
        for name in table.entries.keys() {
            match name.get_ref().as_ref() {
                "ignore" => problems.add(
                    name.span(),
                    "`ignore` is gone: rules decide about chatter. Leave this section out, and without `rules` the built-in \
                     ones hold (unsure below 0.5, lapses after 24 hours); to change that, start from `dispatch policy default`",
                ),
                known if SECTIONS.contains(&known) => {}
                other => {
                    problems.add(name.span(), format!("a policy has no `{other}`; it may have {}", SECTIONS.join(", ")));
                }
            }
        }
        let receipt: Option<Receipt> = table.get("receipt").and_then(|value| {
            let receipt = shaped(problems, value, None)?;
            placeholders_of_receipt(problems, value, &receipt);
            Some(receipt)
        });
        let question: Option<Question> = table.get("question").and_then(|value| {
            let question = shaped::<Question>(problems, value, None)?;
            placeholders(problems, value, &question.text, &["missing"]);
            Some(question)
        });
        let held: Option<Held> = table.get("held").and_then(|value| {
            let held = shaped::<Held>(problems, value, None)?;
            placeholders(problems, value, &held.meaning, &["understood"]);
            placeholders(problems, value, &held.files, &[]);
            placeholders(problems, value, &held.realtor, &["understood"]);
            Some(held)
        });
        let named = read_programs::named(table);
        Self {
            threshold: table.get("threshold").and_then(|value| share(problems, value)),
            rules: table.get("rules").and_then(|value| read_rules::rules(problems, value, &named)),
            question,
            receipt,
            held,
            retry: table.get("retry").and_then(|value| shaped(problems, value, None)),
            limits: table.get("limits").and_then(|value| shaped(problems, value, None)),
            task_types: table.get("task_types").map(|value| task_types(problems, value)),
            templates: table.get("templates").and_then(|value| templates(problems, value)),
            endpoints: read_programs::endpoints(problems, table),
        }
    }
}

fn task_types(problems: &mut Problems<'_>, value: &Value<'_>) -> BTreeMap<TaskKey, MissionType> {
    let mut read = BTreeMap::new();
    let Some(table) = Table::of(problems, value, "`task_types`") else { return read };
    for (name, value) in table.entries {
        let key = TaskKey::parse(name.get_ref());
        if key.is_none() {
            problems.add(name.span(), format!("`{}` is no task key", name.get_ref()));
        }
        if let (Some(mission_type), Some(key)) = (shaped(problems, value, None), key) {
            read.insert(key, mission_type);
        }
    }
    read
}

fn templates(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<Templates> {
    let table = Table::of(problems, value, "`templates`")?;
    let (mut read, mut default) = (BTreeMap::new(), None);
    for (name, value) in table.entries {
        let activities = shaped::<Vec<ActivityTemplate>>(problems, value, None);
        let count = activities.as_ref().map_or(0, Vec::len);
        if count > MOST_ACTIVITIES {
            let what = format!("{count} activities; at most {MOST_ACTIVITIES} get a priority of their own (10 to 0)");
            problems.add(value.span(), what);
        }
        match (GroupKey::parse(name.get_ref()), name.get_ref().as_ref()) {
            (Some(key), _) => drop(read.insert(key, activities.unwrap_or_default())),
            (None, "default") => default = Some(activities.unwrap_or_default()),
            (None, other) => problems.add(name.span(), format!("`{other}` is no group key, nor `default`")),
        }
    }
    if default.is_none() {
        problems.add(table.at, "`default` is missing: it serves every group key without a template of its own");
    }
    Some((read, default?))
}

fn placeholders_of_receipt(problems: &mut Problems<'_>, value: &Value<'_>, receipt: &Receipt) {
    placeholders(problems, value, &receipt.task, &[]);
    placeholders(problems, value, &receipt.listing, &["group", "address"]);
    placeholders(problems, value, &receipt.listing_without_address, &["group"]);
    placeholders(problems, value, &receipt.listing_updated, &["group", "address"]);
    placeholders(problems, value, &receipt.taken, &[]);
}

/// A word in braces that nothing is put in the place of would be sent as it stands.
pub(super) fn placeholders(problems: &mut Problems<'_>, value: &Value<'_>, text: &str, known: &[&str]) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((word, after)) = after.split_once('}') else { return };
        if !known.contains(&word) {
            let known: Vec<_> = known.iter().map(|word| format!("{{{word}}}")).collect();
            let may = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let word: String = word.chars().take(60).collect();
            problems.add(
                value.span(),
                format!("nothing is known to put in the place of {{{word}}}; this text may have {may}"),
            );
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::BUILT_IN;

    #[test]
    fn the_built_in_policy_says_everything() {
        let draft = Draft::read(BUILT_IN).expect("valid");
        let Draft { threshold, rules, question, held, receipt, retry, limits, task_types, templates, endpoints } =
            draft;
        assert!(endpoints.webhooks.is_empty() && endpoints.agents.is_empty());
        assert!(threshold.is_some() && rules.is_some() && question.is_some() && receipt.is_some());
        assert!(held.is_some() && limits.is_some() && retry.is_some() && task_types.is_some() && templates.is_some());
    }
}
