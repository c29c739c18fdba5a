//! Is an answer what was recorded? Must not know what was asked.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The end of an old stream.
const DONE: &str = "[DONE]";

/// What an answer looks like; `$…` stands for a value of that kind.
#[derive(Clone, Default, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// The HTTP status.
    pub status: u16,
    /// Headers that clients see; others may be there too.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body.
    pub json: Option<Value>,
    /// The data of a stream's events.
    pub events: Option<Vec<Value>>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// A place, what should be there, what is there.
pub(super) type Place = (String, String, String);

impl Pattern {
    /// Where the answer is another one. A status that differs is told with the body, and the rest is not looked at.
    pub(super) fn differences(&self, answer: &Answer) -> Vec<Place> {
        if self.status != answer.status {
            return vec![("status".into(), self.status.to_string(), format!("{} {}", answer.status, answer.body))];
        }
        let mut found = Vec::new();
        for (name, expected) in &self.headers {
            let value = answer.headers.get(name).map_or("", String::as_str);
            if value != expected {
                found.push((format!("header {name}"), expected.clone(), value.to_owned()));
            }
        }
        if let Some(json) = &self.json {
            match serde_json::from_str(&answer.body) {
                Ok(body) => look(json, &body, "", &mut found),
                Err(_) => found.push(("body".into(), "JSON".into(), answer.body.clone())),
            }
        }
        if let Some(events) = &self.events {
            stream(events, &answer.body, &mut found);
        }
        found
    }
}

/// `data: …` and an empty line, and nothing else: old clients know no names of events.
fn stream(expected: &[Value], body: &str, found: &mut Vec<Place>) {
    let blocks: Vec<&str> = body.split_terminator("\n\n").collect();
    if blocks.len() != expected.len() || !body.ends_with("\n\n") {
        return found.push(("events".into(), format!("{} events", expected.len()), body.to_owned()));
    }
    for (number, (expected, block)) in expected.iter().zip(blocks).enumerate() {
        let at = format!("event {}", number + 1);
        let Some(data) = block.strip_prefix("data: ").filter(|data| !data.contains('\n')) else {
            found.push((at, "one line of data".into(), block.to_owned()));
            continue;
        };
        let data = if data == DONE { Some(Value::from(DONE)) } else { serde_json::from_str(data).ok() };
        match data {
            Some(data) => {
                let mut inside = Vec::new();
                look(expected, &data, "", &mut inside);
                found.extend(inside.into_iter().map(|(place, old, new)| (format!("{at} {place}"), old, new)));
            }
            None => found.push((at, "JSON".into(), block.to_owned())),
        }
    }
}

fn look(expected: &Value, found_value: &Value, at: &str, found: &mut Vec<Place>) {
    let differ = |found: &mut Vec<Place>| found.push((at.to_owned(), expected.to_string(), found_value.to_string()));
    match (expected, found_value) {
        (Value::String(kind), value) if kind.starts_with('$') => {
            if !is_of(kind, value) {
                differ(found);
            }
        }
        (Value::Object(old), Value::Object(new)) => {
            let names = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<Vec<_>>().join(", ");
            if names(old) != names(new) {
                return found.push((format!("{at} members"), names(old), names(new)));
            }
            for ((name, old), new) in old.iter().zip(new.values()) {
                look(old, new, &format!("{at}/{name}"), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                look(old, new, &format!("{at}/{index}"), found);
            }
        }
        (old, new) if old == new => {}
        _ => differ(found),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "$any" => true,
        "$text" => value.is_string(),
        "$text?" => value.is_string() || value.is_null(),
        "$number" => value.is_number(),
        "$object" => value.is_object(),
        "$time" => value.as_str().is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(body: &str) -> Answer {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        Answer { status: 200, headers, body: body.to_owned() }
    }

    fn places(pattern: &Value, body: &str) -> Vec<String> {
        let pattern: Pattern = serde_json::from_value(pattern.clone()).expect("a pattern");
        pattern.differences(&answer(body)).into_iter().map(|(at, ..)| at).collect()
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let json = json!({ "status": 200, "json": { "ok": true, "at": "$time", "of": [{ "n": "$number" }] } });
        let same = r#"{"ok":true,"at":"2026-11-28T20:00:00Z","of":[{"n":1}]}"#;
        assert!(places(&json, same).is_empty());
        for (body, at) in [
            (same.replace("true", "false"), "/ok"),
            (same.replace("2026-", "x"), "/at"),
            (same.replace(":1}", ":\"1\"}"), "/of/0/n"),
            (same.replace("[{\"n\":1}]", "[]"), "/of"),
            (r#"{"at":"2026-11-28T20:00:00Z","ok":true,"of":[{"n":1}]}"#.to_owned(), " members"),
            (same.replace("{\"ok\"", "{\"more\":1,\"ok\""), " members"),
            ("<html>".to_owned(), "body"),
        ] {
            assert_eq!(places(&json, &body), [at], "{body}");
        }
        assert_eq!(places(&json!({ "status": 404 }), same), ["status"]);
        assert_eq!(places(&json!({ "status": 200, "headers": { "x-new": "1" } }), same), ["header x-new"]);
        assert!(places(&json!({ "status": 200, "headers": { "content-type": "application/json" } }), same).is_empty());
    }

    #[test]
    fn a_stream_is_compared_to_the_last_byte() {
        let stream = json!({ "status": 200, "events": [{ "a": "$text?" }, "[DONE]"] });
        assert!(places(&stream, "data: {\"a\":null}\n\ndata: [DONE]\n\n").is_empty());
        for (body, at) in [
            ("data: {\"a\":1}\n\ndata: [DONE]\n\n", "event 1 /a"),
            ("event: x\ndata: {\"a\":null}\n\ndata: [DONE]\n\n", "event 1"),
            ("data: {'a': None}\n\ndata: [DONE]\n\n", "event 1"),
            ("data: {\"a\":null}\n\n", "events"),
            ("data: {\"a\":null}\n\ndata: [DONE]\n", "events"),
            ("data: {\"a\":null}\n\ndata: [STOP]\n\n", "event 2"),
        ] {
            assert_eq!(places(&stream, body), [at], "{body}");
        }
    }
}
