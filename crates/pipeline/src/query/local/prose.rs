//! How the local mind puts things: short Markdown, one line for each thing, its id at the end. Must not know how they were found.

use crate::ports::records::MissionHit;
use crate::query::toolbox::{ToolError, short};
use crate::query::wall::Wall;
use dispatch_mission::status::MissionStatus;

/// The most things that are listed one by one; the number is said for all.
pub(super) const MOST_LINES: usize = 20;
/// The most characters of a title or a message in a line.
const LINE_CHARS: usize = 120;

const EXAMPLES: [&str; 10] = [
    "What is open on 12 Elm?",
    "What did Sam claim today?",
    "What is overdue?",
    "What is due this week?",
    "What is unclaimed?",
    "What am I working on?",
    "Who has the lockbox mission at 44 Birch?",
    "What is held, and why?",
    "What came in from Slack today?",
    "What happened to <id>?",
];

/// What can be asked.
pub(super) fn help() -> String {
    format!(
        "I answer questions about missions, listings, people, messages and deliveries. For example:\n\n{}",
        examples()
    )
}

/// Something was to be changed.
pub(super) fn read_only() -> String {
    format!(
        "I can only answer questions: I change, send and delete nothing. I can answer, for example:\n\n{}",
        examples()
    )
}

/// It was not understood.
pub(super) fn not_understood() -> String {
    format!(
        "I do not understand this question well enough to answer it, and I do not guess. I can answer, for example:\n\n{}",
        examples()
    )
}

fn examples() -> String {
    EXAMPLES.map(|example| format!("- {example}")).join("\n")
}

/// Why there is no answer, as far as it may be said.
pub(super) fn refusal(error: &ToolError) -> String {
    match error.code {
        "not_allowed" => "You may not see this: messages, held work and deliveries need the scope `observe`, missions, listings and \
            people the scope `missions`."
            .to_owned(),
        "cutover_expand_due" => {
            "Missions and listings cannot be read yet: the brokerage's tables still have their old names, and the cut-over's \
             `expand` step is due. Messages, held work and deliveries can be asked about."
                .to_owned()
        }
        _ => format!("I cannot answer this: {}.", error.detail),
    }
}

/// `1 mission`, `3 missions`, `at least 50 missions`, `no missions`.
pub(super) fn counted(count: usize, more: bool, one: &str, many: &str) -> String {
    match (count, more) {
        (0, _) => format!("no {many}"),
        (1, false) => format!("1 {one}"),
        (n, false) => format!("{n} {many}"),
        (n, true) => format!("at least {n} {many}"),
    }
}

/// With a capital at the beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a, b and c`.
pub(super) fn listed(things: &[String], joint: &str) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// Lines below a heading, and how many more there are.
pub(super) fn list(heading: &str, lines: &[String]) -> String {
    let mut text = heading.to_owned();
    if lines.is_empty() {
        return text;
    }
    text.push('\n');
    for line in lines.iter().take(MOST_LINES) {
        text.push_str("\n- ");
        text.push_str(line);
    }
    if lines.len() > MOST_LINES {
        text.push_str(&format!("\n- … and {} more.", lines.len() - MOST_LINES));
    }
    text
}

/// Words of others inside a line: on one line, without marks that would change how it looks.
pub(super) fn quoted(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '`' => '\'',
            '*' | '_' | '#' | '[' | ']' | '<' | '>' | '|' | '\\' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    short(&plain, LINE_CHARS)
}

/// `**Install lockbox** — claimed by Sam Whitfield, due Fri Nov 27, 17:00, 12 Elm Street (`id`)`.
pub(super) fn mission(hit: &MissionHit, wall: Wall) -> String {
    let mission = &hit.mission;
    let mut line = format!("**{}** — {}", quoted(&mission.title), status(hit, wall));
    if let Some(due) = mission.due_at.filter(|_| !mission.status.is_final()) {
        let word = if due < wall.now { "overdue since" } else { "due" };
        line.push_str(&format!(", {word} {}", wall.said(due)));
    }
    if let Some(address) = &hit.address {
        line.push_str(&format!(", {}", quoted(address)));
    }
    line.push_str(&format!(" (`{}`)", mission.mission_id));
    line
}

fn status(hit: &MissionHit, wall: Wall) -> String {
    let who = hit.assignee.as_deref().or(hit.mission.assigned_to.as_ref().map(|id| id.0.as_str())).map(quoted);
    let by = |verb: &str| who.as_ref().map_or_else(|| verb.to_owned(), |who| format!("{verb} by {who}"));
    match hit.mission.status {
        MissionStatus::Active => who.map_or_else(|| "unclaimed".to_owned(), |who| format!("open, assigned to {who}")),
        MissionStatus::NeedsInfo => {
            let open = who.map(|who| format!(", assigned to {who}")).unwrap_or_default();
            format!("needs information{open}")
        }
        MissionStatus::Claimed => by("claimed"),
        MissionStatus::InProgress => {
            who.map_or_else(|| "in progress".to_owned(), |who| format!("in progress with {who}"))
        }
        MissionStatus::Done => {
            let at = hit.mission.completed_at.map(|at| format!(", {}", wall.said(at))).unwrap_or_default();
            format!("{}{at}", by("done"))
        }
        MissionStatus::Failed => by("failed"),
        MissionStatus::Cancelled => "cancelled".to_owned(),
    }
}
