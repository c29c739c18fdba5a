//! Reads `[[rules]]` of a policy file. Must not know the rest of it, nor what a rule leads to.

use super::condition::{Band, Bound, Condition};
use super::problem::Problems;
use super::read::placeholders;
use super::rule::{Action, Notice, Rule, Rules, To};
use super::toml_walk::{Table, Value, count, share, word, words};
use super::words::{days, hours, key};
use crate::destination::SlackPlace;
use dispatch_classification::taxonomy::MessageType;
use dispatch_mission::signal::Source;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::de::DeValue;

/// Names of decisions that no rule makes.
pub(super) const RESERVED: [&str; 3] = ["confirmed", "revision_taken", "revision_unsure"];

/// Most rules of one file.
const MOST: usize = 200;

const CONDITIONS: [&str; 11] = [
    "type",
    "key",
    "confidence",
    "source",
    "workspace",
    "channel",
    "author",
    "time",
    "weekday",
    "wordless",
    "attachments",
];

/// All rules, unless any of them is wrong. `programs` are those that they may name.
pub(super) fn rules(problems: &mut Problems<'_>, value: &Value<'_>, programs: &[To]) -> Option<Rules> {
    let Some(several) = value.get_ref().as_array().filter(|several| (1..=MOST).contains(&several.len())) else {
        problems.add(value.span(), format!("`rules` must be from 1 to {MOST} tables, each under [[rules]]"));
        return None;
    };
    let mut lines = BTreeMap::new();
    let mut read = Vec::new();
    for (index, value) in several.iter().enumerate() {
        let is_last = index + 1 == several.len();
        read.push(
            Table::of(problems, value, "a rule")
                .and_then(|table| rule(problems, &table, programs, is_last, &mut lines)),
        );
    }
    read.into_iter().collect::<Option<Vec<_>>>().and_then(Rules::in_order)
}

fn rule(
    problems: &mut Problems<'_>,
    table: &Table<'_, '_>,
    programs: &[To],
    is_last: bool,
    lines: &mut BTreeMap<String, usize>,
) -> Option<Rule> {
    table.has_only(problems, &["name", "when", "to", "threshold", "hold", "because"], "a rule");
    let name = name(problems, table, lines);
    let when = conditions(problems, table, is_last);
    let action = action(problems, table, programs);
    let because = table.get("because").map(|value| word(problems, value, text, "a text that is not empty"));
    let line = problems.line(table.at.start);
    if let (Some(when), Some(action)) = (&when, &action) {
        fits(problems, table, when, action);
    }
    Some(Rule {
        name: name?,
        when: when?,
        action: action?,
        because: because.map_or(Some(None), |because| because.map(Some))?,
        line,
    })
}

fn name(problems: &mut Problems<'_>, table: &Table<'_, '_>, lines: &mut BTreeMap<String, usize>) -> Option<String> {
    let Some(value) = table.get("name") else {
        problems.add(table.at.clone(), "this rule has no `name`");
        return None;
    };
    let name = word(problems, value, code, "a name of lower-case letters, digits and _, such as lockbox_requests")?;
    if RESERVED.contains(&name.as_str()) {
        problems.add(value.span(), format!("`{name}` names decisions that no rule makes; choose another name"));
    }
    if let Some(line) = lines.get(&name) {
        problems.add(value.span(), format!("`{name}` is already the name of the rule at line {line}"));
    }
    lines.entry(name.clone()).or_insert_with(|| problems.line(value.span().start));
    Some(name)
}

/// The rule is last exactly when it asks for nothing.
fn conditions(problems: &mut Problems<'_>, table: &Table<'_, '_>, is_last: bool) -> Option<Vec<Condition>> {
    let value = table.get("when");
    let at = value.map_or_else(|| table.at.clone(), |value| value.span());
    let asked = match value {
        None => Vec::new(),
        Some(value) => {
            let when = Table::of(problems, value, "`when`")?;
            when.has_only(problems, &CONDITIONS, "`when`");
            let known = CONDITIONS.into_iter().filter_map(|name| Some((name, when.get(name)?)));
            known.map(|(name, value)| condition(problems, name, value)).collect()
        }
    };
    match (asked.is_empty(), is_last) {
        (true, false) => {
            problems.add(
                at,
                "a rule without conditions takes everything, so that it must be the last one; say `when` it speaks",
            );
        }
        (false, true) => {
            problems.add(at, "the last rule must take everything that is left; add a rule without `when` below it");
        }
        _ => {}
    }
    asked.into_iter().collect()
}

fn condition(problems: &mut Problems<'_>, name: &str, value: &Value<'_>) -> Option<Condition> {
    Some(match name {
        "type" => {
            Condition::Type(words(problems, value, MessageType::parse, "a type: GROUP, STRAY, INFO_REQUEST or IGNORE")?)
        }
        "key" => Condition::Key(words(problems, value, key, "a key of the taxonomy, such as SALE_LISTING")?),
        "confidence" => Condition::Confidence(band(problems, value)?),
        "source" => Condition::Source(words(problems, value, door, "a source: slack or sms")?),
        "workspace" => Condition::Workspace(words(problems, value, text, "a Slack team id or a Twilio account")?),
        "channel" => Condition::Channel(words(problems, value, text, "a Slack channel id or a number of ours")?),
        "author" => Condition::Author(words(problems, value, text, "a Slack user id or a phone number")?),
        "time" => Condition::Time(words(problems, value, hours, "hours such as \"08:00-18:00\" or \"22:00-06:00\"")?),
        "weekday" => Condition::Weekday(words(problems, value, days, "days such as \"sat\" or \"mon-fri\"")?.concat()),
        "wordless" => Condition::Wordless(yes_or_no(problems, value)?),
        _ => Condition::Attachments(yes_or_no(problems, value)?),
    })
}

fn band(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<Band> {
    let table = Table::of(problems, value, "`confidence`")?;
    table.has_only(problems, &["at_least", "below"], "`confidence`");
    if table.entries.is_empty() {
        problems.add(table.at.clone(), "`confidence` needs `at_least`, `below` or both");
    }
    let mut end = |name| table.get(name).map(|value| bound(problems, value));
    let (at_least, below) = (end("at_least"), end("below"));
    let band = Band {
        at_least: at_least.map_or(Some(None), |end| end.map(Some))?,
        below: below.map_or(Some(None), |end| end.map(Some))?,
    };
    if let (Some(Bound::Number(least)), Some(Bound::Number(end))) = (band.at_least, band.below)
        && least >= end
    {
        problems.add(table.at.clone(), format!("no confidence is at least {least} and below {end}"));
        return None;
    }
    Some(band)
}

fn bound(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<Bound> {
    match value.get_ref() {
        DeValue::String(_) => {
            let is_threshold = |text: &str| (text == "threshold").then_some(Bound::Threshold);
            word(problems, value, is_threshold, "a number from 0 to 1, or \"threshold\"")
        }
        _ => share(problems, value).map(Bound::Number),
    }
}

fn action(problems: &mut Problems<'_>, table: &Table<'_, '_>, programs: &[To]) -> Option<Action> {
    let (to, hold, threshold) = (table.get("to"), table.get("hold"), table.get("threshold"));
    if to.is_none() && hold.is_none() {
        problems
            .add(table.at.clone(), "this rule does not say what it does: add `to` ([] for nothing), `hold`, or both");
        return None;
    }
    let to = to.map_or_else(|| Some(Vec::new()), |value| destinations(problems, value, programs));
    let share = threshold.map(|value| share(problems, value));
    if let Some(value) = threshold.filter(|_| hold.is_some() || to.as_ref().is_some_and(Vec::is_empty)) {
        problems.add(value.span(), "`threshold` is for rules that send: those with `to` and without `hold`");
    }
    match hold {
        Some(value) => held(problems, table, value, to),
        None => match to? {
            to if to.is_empty() => Some(Action::Nothing),
            to => Some(Action::Send { to, threshold: share.map_or(Some(None), |share| share.map(Some))? }),
        },
    }
}

fn held(problems: &mut Problems<'_>, rule: &Table<'_, '_>, value: &Value<'_>, then: Option<Vec<To>>) -> Option<Action> {
    const HOURS_OF_A_YEAR: u64 = 8_784;
    let table = Table::of(problems, value, "`hold`")?;
    table.has_only(problems, &["reason", "expires_after_hours"], "`hold`");
    let reason = match (table.get("reason"), rule.get("name")) {
        (Some(value), _) => {
            word(problems, value, code, "a code of lower-case letters, digits and _, such as needs_approval")
        }
        (None, name) => name.and_then(|name| name.get_ref().as_str()).map(ToOwned::to_owned),
    };
    let hours = table.get("expires_after_hours").map(|value| count(problems, value, 1..HOURS_OF_A_YEAR + 1));
    let expires_after = hours.map_or(Some(None), |hours| hours.map(|hours| Some(Duration::from_secs(hours * 3_600))));
    Some(Action::Hold { reason: reason?, expires_after: expires_after?, then: then? })
}

fn destinations(problems: &mut Problems<'_>, value: &Value<'_>, programs: &[To]) -> Option<Vec<To>> {
    let Some(several) = value.get_ref().as_array() else {
        return destination(problems, value, programs).map(|one| vec![one]);
    };
    let (mut read, mut names) = (Vec::new(), Vec::new());
    for value in several {
        let one = destination(problems, value, programs);
        let name = one.as_ref().map(ToString::to_string);
        if name.is_some() && names.contains(&name) {
            problems.add(value.span(), "this destination is named twice");
        }
        names.push(name);
        read.push(one);
    }
    read.into_iter().collect()
}

fn destination(problems: &mut Problems<'_>, value: &Value<'_>, programs: &[To]) -> Option<To> {
    if value.get_ref().is_table() {
        return notice(problems, value).map(To::Slack);
    }
    let known = [To::TaskOrchestrator, To::Receipt, To::Question];
    let parse = |text: &str| known.iter().chain(programs).find(|to| to.to_string() == text).cloned();
    let expected = "a destination: \"task_orchestrator\", \"receipt\", \"question\", \"webhook:NAME\" of [endpoints.NAME], \
                    \"agent:NAME\" of [agents.NAME], or { slack = … }";
    word(problems, value, parse, expected)
}

fn notice(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<Notice> {
    let table = Table::of(problems, value, "a destination")?;
    table.has_only(problems, &["slack", "thread_ts", "text"], "a destination");
    let place = table.get("slack").or_else(|| {
        problems.add(table.at.clone(), "this destination has no `slack`".to_owned());
        None
    });
    let place = place.and_then(|value| {
        word(problems, value, slack_place, "a Slack team and a channel of it, such as \"T0123/C0456\"")
    });
    let thread_ts = table
        .get("thread_ts")
        .map(|value| word(problems, value, message_ts, "the ts of a message there, such as \"1700000000.000100\""));
    let words = table.get("text").map(|value| {
        let words = word(problems, value, text, "a text that is not empty")?;
        placeholders(problems, value, &words, &Notice::NOTICE_WORDS);
        Some(words)
    });
    let text = words.unwrap_or_else(|| Some("{title}".to_owned()))?;
    let (workspace, channel_id) = place?;
    // A ts that is none is a problem, and no wish for the channel itself.
    let thread_ts = thread_ts.map_or(Some(None), |ts| ts.map(Some))?;
    Some(Notice { place: SlackPlace { workspace, channel_id, thread_ts }, text })
}

/// What messages come in by.
fn door(text: &str) -> Option<Source> {
    Source::parse(text).filter(|source| *source != Source::Api)
}

/// `T0123/C0456`.
fn slack_place(text: &str) -> Option<(String, String)> {
    let is_id =
        |id: &str| id.len() > 1 && id.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
    let (workspace, channel) = text.split_once('/')?;
    (is_id(workspace) && is_id(channel)).then(|| (workspace.to_owned(), channel.to_owned()))
}

/// `1700000000.000100`.
fn message_ts(text: &str) -> Option<String> {
    let (seconds, micros) = text.split_once('.')?;
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    (are_digits(seconds) && are_digits(micros)).then(|| text.to_owned())
}

/// What a rule sends must be something that the messages it takes can lead to.
fn fits(problems: &mut Problems<'_>, table: &Table<'_, '_>, when: &[Condition], action: &Action) {
    let (Action::Send { to, .. } | Action::Hold { then: to, .. }) = action else { return };
    let only_asks = |one: &Condition| *one == Condition::Type(vec![MessageType::InfoRequest]);
    if to.contains(&To::Question) && !when.iter().any(only_asks) {
        let at = table.get("to").map_or_else(|| table.at.clone(), |value| value.span());
        problems.add(at, "`question` asks what is missing in an INFO_REQUEST; add `type = \"INFO_REQUEST\"` to `when`");
    }
}

fn yes_or_no(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<bool> {
    let read = value.get_ref().as_bool();
    if read.is_none() {
        problems.add(value.span(), "expected true or false");
    }
    read
}

fn text(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A name that is safe everywhere: in a query, a log, a table.
fn code(text: &str) -> Option<String> {
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}
