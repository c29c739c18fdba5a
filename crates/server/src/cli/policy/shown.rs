//! Policies and explanations as people read them in a terminal.

use super::super::server::printable;
use super::explain::{Asked, Explanation, Tried};
use crate::config::Routing;
use crate::http::route::PlannedDeliveryDto;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dispatch_routing::policy::{Action, Rule};

/// All rules, and what is questionable about them.
pub(super) fn policy(routing: &Routing) -> String {
    let Routing { policy, origin, zone, .. } = routing;
    let mut table = table(["", "rule", "when", "what it does"]);
    for (index, rule) in policy.rules.iter().enumerate() {
        let when: Vec<_> = rule
            .when
            .iter()
            .map(|one| format!("{}: {}", one.name(), printable(&one.wanted(policy.threshold).join(" or "))))
            .collect();
        let when = if when.is_empty() { "always".to_owned() } else { when.join("\n") };
        table.add_row([(index + 1).to_string(), rule.name.clone(), when, action(rule, policy.threshold)]);
    }
    let warnings: String = policy.warnings().iter().map(|warning| format!("\nwarning: {warning}")).collect();
    let head = format!("{origin}: valid, threshold {}, hours and days in {}\n", policy.threshold, zone.name());
    head + &table.to_string() + &warnings
}

fn action(rule: &Rule, default: f32) -> String {
    let places =
        |to: &[dispatch_routing::policy::To]| to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match &rule.action {
        Action::Nothing => "nothing".to_owned(),
        Action::Send { to, threshold } => format!("to {}\nfrom {} on", places(to), threshold.unwrap_or(default)),
        Action::Hold { reason, expires_after, then } => {
            let mut text = format!("holds: {reason}");
            if let Some(time) = expires_after {
                text.push_str(&format!(", lapses after {} h", time.as_secs() / 3_600));
            }
            if !then.is_empty() {
                text.push_str(&format!("\nafter a yes to {}", places(then)));
            }
            text
        }
    }
}

/// What each rule makes of the message, and what is done.
pub(super) fn explanation(told: &Explanation) -> String {
    let key = told.key.map(|key| format!(" {key}")).unwrap_or_default();
    let mut text =
        format!("message     {}{key}, confidence {}, {} in {}\n", told.kind, told.confidence, told.at, told.timezone);
    let mut rules = table(["rule", "", "why"]);
    for tried in &told.rules {
        rules.add_row([tried.rule.clone(), mark(tried).to_owned(), why(tried)]);
    }
    text.push_str(&rules.to_string());
    let done = match (told.action, &told.hold) {
        ("hold", Some(reason)) => format!("held for a person ({reason})"),
        ("nothing", _) => "nothing is done".to_owned(),
        _ => "dispatched".to_owned(),
    };
    text.push_str(&format!("\ndecision    {done}, by rule {}: {}", told.rule, printable(&told.reason)));
    let head = if told.action == "hold" { "after a yes" } else { "plan" };
    for (index, planned) in told.plan.iter().enumerate() {
        text.push_str(&format!("\n{:<12}{}", if index == 0 { head } else { "" }, place(planned)));
    }
    text
}

fn mark(tried: &Tried) -> &'static str {
    match (tried.decides, tried.matches) {
        (true, _) => "decides",
        (false, true) => "too late",
        (false, false) => "no",
    }
}

fn why(tried: &Tried) -> String {
    let line = |asked: &Asked| {
        let found = asked.found.as_deref().map_or_else(|| "none".to_owned(), printable);
        let wanted = printable(&asked.wanted.join(" or "));
        let is = if asked.holds { "as wanted" } else { "not" };
        format!("{}: {found}, {is} {wanted}", asked.condition)
    };
    // Of a rule that does not match, what keeps it from it is enough.
    let told = tried.conditions.iter().filter(|asked| tried.matches || !asked.holds).map(line);
    let told: Vec<_> = told.collect();
    if told.is_empty() { "it asks for nothing".to_owned() } else { told.join("\n") }
}

fn place(planned: &PlannedDeliveryDto) -> String {
    let to = &planned.destination;
    let rows = planned.rows.iter().map(|row| format!("{}: {}", row.table, printable(&row.title)));
    let said = planned.text.iter().map(|text| printable(text));
    let what: Vec<_> = rows.chain(said).collect();
    let kind = serde_json::to_value(to.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    format!("{kind} {}\n            {}", to.target, what.join("\n            "))
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}
