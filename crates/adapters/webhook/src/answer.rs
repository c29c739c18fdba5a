//! Reads what an agent answers: strictly, and no more than is acted on. What is malformed is refused as a whole. It must not
//! know what follows.

use dispatch_classification::classification::TaskTitle;
use dispatch_mission::mission::MissionType;
use dispatch_routing::answer::{AgentAnswer, AnsweredMission};
use dispatch_routing::policy::TASK_ORCHESTRATOR;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

/// Bytes of an answer that are read.
pub const LONGEST: usize = 64 * 1024;
/// The code of a longer one.
pub const TOO_LARGE: &str = "answer_too_large";

const MOST_MESSAGES: usize = 4;
const MOST_MISSIONS: usize = 8;
const MOST_AGENTS: usize = 4;
/// Characters of a message, and of what is to be done.
const LONGEST_TEXT: usize = 3_000;
/// Characters of a title or an address.
const LONGEST_LINE: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    missions: Vec<Mission>,
    /// Names of other agents, which are told what this one answers.
    #[serde(default)]
    agents: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mission {
    title: String,
    description: Option<String>,
    mission_type: Option<MissionType>,
    address: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    due_at: Option<OffsetDateTime>,
}

/// What `body` says; nothing where it is not meant for us: another media type, or no member of ours.
///
/// # Errors
/// A stable code, where it is meant for us and cannot be acted on.
pub fn read(media_type: Option<&str>, body: &[u8]) -> Option<Result<AgentAnswer, &'static str>> {
    if body.is_empty() || !is_json(media_type?) {
        return None;
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Some(Err("answer_not_json")) };
    let is_ours = |members: &serde_json::Map<_, _>| {
        ["messages", "missions", "agents"].iter().any(|name| members.contains_key(*name))
    };
    if !value.as_object().is_some_and(is_ours) {
        return None;
    }
    let answer = serde_json::from_value::<Answer>(value).map_err(|_| "answer_malformed").and_then(understood);
    Some(answer).filter(|answer| answer.as_ref().map_or(true, |answer| !answer.is_empty()))
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn understood(answer: Answer) -> Result<AgentAnswer, &'static str> {
    let Answer { messages, missions, mut agents } = answer;
    if messages.len() > MOST_MESSAGES || missions.len() > MOST_MISSIONS || agents.len() > MOST_AGENTS {
        return Err("answer_too_many");
    }
    if !agents.iter().all(|name| is_name(name)) {
        return Err("answer_malformed");
    }
    agents.sort_unstable();
    agents.dedup();
    let messages = messages.into_iter().map(|message| text(message.text, LONGEST_TEXT)).collect::<Result<_, _>>()?;
    let missions = missions.into_iter().map(mission).collect::<Result<_, _>>()?;
    Ok(AgentAnswer { messages, missions, agents })
}

/// As the policy file names agents.
fn is_name(name: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-".contains(&letter);
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain) && name != TASK_ORCHESTRATOR
}

fn mission(mission: Mission) -> Result<AnsweredMission, &'static str> {
    let title = TaskTitle::from_text(&text(mission.title, LONGEST_LINE)?).ok_or("answer_malformed")?;
    let description = match mission.description {
        Some(description) => text(description, LONGEST_TEXT)?,
        None => title.to_string(),
    };
    Ok(AnsweredMission {
        title,
        description,
        mission_type: mission.mission_type.unwrap_or(MissionType::Admin),
        address: mission.address.map(|address| text(address, LONGEST_LINE)).transpose()?,
        due_at: mission.due_at,
    })
}

/// Something to read, and nothing that cannot be seen.
fn text(text: String, most: usize) -> Result<String, &'static str> {
    let is_hidden = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if text.trim().is_empty() || text.contains(is_hidden) {
        return Err("answer_malformed");
    }
    if text.chars().count() > most { Err(TOO_LARGE) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(answer: &Value) -> Option<Result<AgentAnswer, &'static str>> {
        read(Some("application/json; charset=utf-8"), answer.to_string().as_bytes())
    }

    #[test]
    fn messages_and_missions_are_read() {
        let answer = of(&json!({
            "messages": [{ "text": "Booked for Friday." }],
            "missions": [
                { "title": "Open the house", "description": "At 9.", "mission_type": "MARKETING", "address": "12 Elm",
                  "due_at": "2026-12-03T09:00:00-05:00" },
                { "title": "Lock up" },
            ],
        }));
        let answer = answer.expect("ours").expect("sound");
        assert_eq!(answer.messages, ["Booked for Friday."]);
        let [first, second] = &answer.missions[..] else { panic!("two missions") };
        assert_eq!((first.title.as_str(), first.mission_type), ("Open the house", MissionType::Marketing));
        assert_eq!(first.due_at.map(|due| due.unix_timestamp()), Some(1_796_306_400));
        assert_eq!((second.description.as_str(), second.mission_type), ("Lock up", MissionType::Admin));
    }

    #[test]
    fn other_agents_are_named_once() {
        let answer = of(&json!({ "agents": ["stager", "photos", "stager"] })).expect("ours").expect("sound");
        assert_eq!(answer.agents, ["photos", "stager"]);
    }

    #[test]
    fn what_is_not_meant_for_us_is_no_answer() {
        for answer in
            [json!({ "ok": true }), json!({}), json!([]), json!("x"), json!({ "messages": [], "missions": [] })]
        {
            assert_eq!(of(&answer), None, "{answer}");
        }
        for (media_type, body) in
            [(None, "{}"), (Some("text/html"), "{\"messages\":1}"), (Some("application/json"), "")]
        {
            assert_eq!(read(media_type, body.as_bytes()), None);
        }
    }

    #[test]
    fn what_cannot_be_acted_on_is_refused_whole() {
        let message = |text: &str| json!({ "messages": [{ "text": "sound" }, { "text": text }] });
        let mission = |mission: Value| json!({ "messages": [{ "text": "sound" }], "missions": [mission] });
        for (answer, code) in [
            (json!({ "messages": "hello" }), "answer_malformed"),
            (json!({ "messages": [{ "text": "x" }], "agent": "self" }), "answer_malformed"),
            (json!({ "agents": ["Photos!"] }), "answer_malformed"),
            (json!({ "agents": ["task_orchestrator"] }), "answer_malformed"),
            (json!({ "agents": ["a", "b", "c", "d", "e"] }), "answer_too_many"),
            (json!({ "messages": [{ "text": "x", "to": "C9" }] }), "answer_malformed"),
            (message("  "), "answer_malformed"),
            (message("a\u{0}b"), "answer_malformed"),
            (message(&"x".repeat(3_001)), TOO_LARGE),
            (json!({ "messages": vec![json!({ "text": "x" }); 5] }), "answer_too_many"),
            (json!({ "missions": vec![json!({ "title": "x" }); 9] }), "answer_too_many"),
            (mission(json!({})), "answer_malformed"),
            (mission(json!({ "title": "x", "mission_type": "URGENT" })), "answer_malformed"),
            (mission(json!({ "title": "x", "due_at": "tomorrow" })), "answer_malformed"),
            (mission(json!({ "title": "x".repeat(201) })), TOO_LARGE),
        ] {
            assert_eq!(of(&answer), Some(Err(code)), "{answer}");
        }
        assert_eq!(read(Some("application/json"), b"{"), Some(Err("answer_not_json")));
        let deep = "[".repeat(40_000);
        assert_eq!(read(Some("application/json"), deep.as_bytes()), Some(Err("answer_not_json")));
    }
}
