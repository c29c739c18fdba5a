//! Reads `[endpoints.NAME]` and `[agents.NAME]` of a policy file. It must never show what stands under `secrets`: somebody may
//! have written a secret there.

use super::endpoints::{Endpoints, TASK_ORCHESTRATOR, are_names, is_name};
use super::problem::Problems;
use super::rule::To;
use super::toml_walk::{Table, Value, shaped};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Both tables, as far as they are well.
pub(super) fn endpoints(problems: &mut Problems<'_>, policy: &Table<'_, '_>) -> Endpoints {
    let agents = policy.get("agents").map(|value| programs(problems, value, "agents"));
    if let Some(table) = policy.get("agents").and_then(|value| value.get_ref().as_table())
        && let Some(taken) = table.keys().find(|name| name.get_ref() == TASK_ORCHESTRATOR)
    {
        let what = "agents.task_orchestrator cannot be: the task orchestrator is a part of Dispatch; give your agent another name";
        problems.add(taken.span(), what);
    }
    Endpoints {
        webhooks: policy.get("endpoints").map(|value| programs(problems, value, "endpoints")).unwrap_or_default(),
        agents: agents.unwrap_or_default(),
    }
}

/// Everybody whom a rule may name, well or not: one mistake is enough for each.
pub(super) fn named(policy: &Table<'_, '_>) -> Vec<To> {
    let names = |section: &str| {
        let table = policy.get(section).and_then(|value| value.get_ref().as_table());
        table.into_iter().flat_map(|table| table.keys()).map(|name| name.get_ref().to_string()).collect::<Vec<_>>()
    };
    let webhooks = names("endpoints").into_iter().map(To::Webhook);
    webhooks.chain(names("agents").into_iter().map(To::Agent)).collect()
}

fn programs<T: DeserializeOwned>(problems: &mut Problems<'_>, value: &Value<'_>, section: &str) -> BTreeMap<String, T> {
    let mut read = BTreeMap::new();
    let Some(table) = Table::of(problems, value, &format!("`{section}`")) else { return read };
    for (name, value) in table.entries {
        let place = format!("{section}.{}", name.get_ref());
        if !is_name(name.get_ref()) {
            problems.add(name.span(), format!("{place:?} is no name: write 1 to 64 of a-z, 0-9, _ and -"));
        }
        if !names_its_secrets(value) {
            let at = value.get_ref().as_table().and_then(|table| table.get("secrets")).unwrap_or(value).span();
            problems.add(
                at,
                format!(
                    "{place}.secrets must name one environment variable such as CRM_WEBHOOK_SECRET, or the new one and \
                     the old one while rotating; what is in them does not belong into this file"
                ),
            );
            continue;
        }
        if let Some(program) = shaped(problems, value, Some(&place)) {
            read.insert(name.get_ref().to_string(), program);
        }
    }
    read
}

fn names_its_secrets(value: &Value<'_>) -> bool {
    let secrets = value.get_ref().as_table().and_then(|table| table.get("secrets"));
    let names = secrets.and_then(|secrets| secrets.get_ref().as_array());
    let names = names.map(|names| names.iter().map(|name| name.get_ref().as_str()).collect::<Option<Vec<_>>>());
    names.flatten().is_some_and(|names| are_names(&names))
}
