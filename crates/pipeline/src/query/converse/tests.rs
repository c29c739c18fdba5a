//! Conversations with models that say what they are told to: tools, failures, loops, and what must not come of them.

use super::*;
use crate::ports::converser::ToolSpec;
use crate::ports::streams::EventName;
use crate::query::tests::{Heard, admin, sorted, toolbox, wall};
use async_trait::async_trait;
use std::collections::VecDeque;

/// What a scripted model does next.
enum Do {
    /// Says this in two pieces, and asks for these.
    Say(&'static str, Vec<(&'static str, Value)>),
    /// Writes this, then fails.
    Break(&'static str, &'static str),
    /// Begins anew after this, within one call, and says the other.
    Again(&'static str, &'static str),
    /// Says it at once.
    Blurt(&'static str),
}

struct Scripted {
    name: &'static str,
    script: Mutex<VecDeque<Do>>,
    heard: Mutex<Vec<(Vec<Turn>, usize)>>,
}

impl Scripted {
    fn new(name: &'static str, script: Vec<Do>) -> Arc<Self> {
        Arc::new(Self { name, script: Mutex::new(script.into()), heard: Mutex::default() })
    }
}

#[async_trait]
impl Converser for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    async fn say(
        &self,
        _: &str,
        turns: &[Turn],
        tools: &[ToolSpec],
        listener: &dyn Listener,
    ) -> Result<Said, ClassifierError> {
        self.heard.lock().unwrap().push((turns.to_vec(), tools.len()));
        let usage = Some(Usage { input_tokens: 10, output_tokens: 1, cost_micros: None });
        let said = |text: &str, calls: Vec<(&str, Value)>| Said {
            text: text.to_owned(),
            calls: calls
                .into_iter()
                .enumerate()
                .map(|(n, (name, arguments))| ToolCall { call_id: format!("x{n}"), name: name.to_owned(), arguments })
                .collect(),
            usage,
            model: "m-1".to_owned(),
        };
        let next = self.script.lock().unwrap().pop_front();
        match next {
            Some(Do::Say(text, calls)) => {
                let half = text.len() / 2;
                listener.delta(self.name, 1, &text[..half]);
                listener.delta(self.name, 1, &text[half..]);
                Ok(said(text, calls))
            }
            Some(Do::Break(text, code)) => {
                listener.delta(self.name, 1, text);
                Err(ClassifierError::unavailable(code, "as scripted"))
            }
            Some(Do::Again(void, text)) => {
                listener.delta(self.name, 1, void);
                listener.delta(self.name, 2, text);
                Ok(said(text, Vec::new()))
            }
            Some(Do::Blurt(text)) => Ok(said(text, Vec::new())),
            None => Ok(said("", vec![("search_missions", json!({}))])),
        }
    }
}

struct Came {
    outcome: Outcome,
    events: Vec<(EventName, serde_json::Map<String, Value>)>,
}

async fn talk(minds: &[Arc<Scripted>]) -> Came {
    let (tools, heard, asker) = (toolbox(), Heard::default(), admin());
    let narration = Narration::new(&tools, &asker, wall(), &heard);
    let minds: Vec<Arc<dyn Converser>> = minds.iter().map(|mind| Arc::clone(mind) as Arc<dyn Converser>).collect();
    let history =
        [Line { role: Role::User, content: "hi".into() }, Line { role: Role::Assistant, content: "Hello.".into() }];
    let outcome = converse(&narration, &minds, &Meter::default(), "what is open on 12 Elm?", &history).await;
    if let Outcome::Answered(answered) = &outcome {
        narration.cite(&answered.text);
    }
    Came { outcome, events: heard.0.into_inner().unwrap() }
}

impl Came {
    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.events.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names
    }

    fn of(&self, name: EventName) -> Vec<Value> {
        self.events.iter().filter(|(told, _)| *told == name).map(|(_, data)| Value::Object(data.clone())).collect()
    }

    /// What a client shows: the text of the highest attempt.
    fn shown(&self) -> String {
        let deltas = self.of(EventName::Delta);
        let last = deltas.iter().filter_map(|delta| delta["attempt"].as_u64()).max();
        let last = deltas.iter().filter(|delta| delta["attempt"].as_u64() == last);
        last.filter_map(|delta| delta["text"].as_str()).collect()
    }

    fn answered(&self) -> &Answered {
        match &self.outcome {
            Outcome::Answered(answered) => answered,
            Outcome::Unanswered { reasons, .. } => panic!("no answer: {reasons:?}"),
        }
    }
}

#[test]
fn the_prompt_is_what_it_was() {
    insta::assert_snapshot!(system(&admin(), wall()));
}

#[test]
fn the_tools_are_what_they_were() {
    let specs = toolbox::specs(&admin());
    let told: Vec<Value> = specs
        .iter()
        .map(|spec| json!({ "name": spec.name, "description": spec.description, "parameters": spec.parameters }))
        .collect();
    insta::assert_json_snapshot!(sorted(told.into()));
    let guest = crate::query::tests::asker(dispatch_mission::people::Sight::COMMON, false);
    let names: Vec<&str> = toolbox::specs(&guest).iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["search_missions", "search_listings", "find_people", "tell_story"]);
}

#[tokio::test]
async fn tools_are_used_and_only_what_they_gave_is_cited() {
    let find = ("search_missions", json!({ "address": "12 Elm Street", "statuses": ["claimed"] }));
    let who = ("find_people", json!({ "name": "sam" }));
    let mind = Scripted::new(
        "openai",
        vec![Do::Say("Let me look.", vec![find, who]), Do::Say("Photos (`m-photos`), and `m-invented`.", vec![])],
    );
    let came = talk(std::slice::from_ref(&mind)).await;
    assert_eq!(came.names(), ["delta", "tool_call", "tool_result", "delta", "citations"]);
    let answered = came.answered();
    assert_eq!(answered.text, "Let me look.\n\nPhotos (`m-photos`), and `m-invented`.");
    assert_eq!(came.shown(), answered.text);
    assert_eq!((answered.provider.as_str(), answered.model.as_str()), ("openai", "m-1"));
    assert_eq!(answered.usage.map(|usage| usage.input_tokens), Some(20));
    let cited = &came.of(EventName::Citations)[0]["items"];
    assert_eq!(cited, &json!([{ "kind": "mission", "id": "m-photos", "label": "Take listing photos" }]));
    let heard = mind.heard.lock().unwrap();
    let Turn::Tool { content, call_id, .. } = &heard[1].0[4] else { panic!("{:?}", heard[1].0) };
    let content: Value = serde_json::from_str(content).unwrap();
    assert_eq!((call_id.as_str(), &content["rows"][0]["mission_id"]), ("x0", &json!("m-photos")));
}

#[tokio::test]
async fn mistakes_of_a_model_are_told_to_it() {
    let calls = vec![
        ("drop_tables", json!({})),
        ("search_missions", json!({ "adress": "12 Elm" })),
        ("search_missions", json!("not an object")),
        ("held_work", json!({ "limit": 5000 })),
        ("search_missions", json!({ "due": { "from": "tomorrow" } })),
        ("search_deliveries", json!({ "unit_id": "7" })),
        ("held_work", json!({})),
        ("held_work", json!({})),
        ("held_work", json!({ "limit": 1 })),
    ];
    let mind = Scripted::new("openai", vec![Do::Say("", calls), Do::Blurt("Done.")]);
    let came = talk(&[mind]).await;
    let codes: Vec<String> = came
        .of(EventName::ToolResult)
        .iter()
        .map(|result| result["error"]["code"].as_str().unwrap_or("fine").to_owned())
        .collect();
    let bad = "invalid_arguments";
    assert_eq!(codes, ["unknown_tool", bad, bad, bad, bad, bad, "fine", "repeated", "too_many"]);
    assert_eq!((came.answered().text.as_str(), came.shown().as_str()), ("Done.", "Done."));
}

#[tokio::test]
async fn one_that_asks_for_ever_has_to_answer() {
    let mind = Scripted::new("openai", Vec::new());
    let came = talk(std::slice::from_ref(&mind)).await;
    let Outcome::Unanswered { reasons, attempt, .. } = &came.outcome else { panic!("it never answered") };
    assert_eq!((reasons.as_slice(), *attempt), (["openai: empty_answer".to_owned()].as_slice(), 1));
    let heard = mind.heard.lock().unwrap();
    assert_eq!(heard.len(), MOST_ROUNDS + 1);
    assert_eq!(heard[MOST_ROUNDS].1, 0, "at last without tools");
    let codes = came.of(EventName::ToolResult);
    assert!(codes[1..].iter().all(|result| result["error"]["code"] == "repeated"));
}

#[tokio::test]
async fn the_next_model_goes_on_where_the_first_one_broke() {
    let look = ("search_missions", json!({ "address": "44 Birch" }));
    let first = Scripted::new("openai", vec![Do::Say("Let me look.", vec![look]), Do::Break("Lockb", "timeout")]);
    let second = Scripted::new("anthropic", vec![Do::Say("Lockbox (`m-lockbox`).", vec![])]);
    let came = talk(&[first, Arc::clone(&second)]).await;
    let answered = came.answered();
    assert_eq!(answered.text, "Let me look.\n\nLockbox (`m-lockbox`).");
    assert_eq!(came.shown(), answered.text, "the new attempt tells it from the beginning");
    assert_eq!(answered.reasons, ["openai: timeout"]);
    assert_eq!(second.heard.lock().unwrap()[0].0.len(), 5, "with all that was found");
    let attempts: Vec<u64> = came.of(EventName::Delta).iter().filter_map(|delta| delta["attempt"].as_u64()).collect();
    assert!(attempts.is_sorted() && attempts.last() == Some(&2), "{attempts:?}");
}

#[tokio::test]
async fn a_new_attempt_within_one_call_voids_what_was_told() {
    let mind = Scripted::new("openai", vec![Do::Again("Wro", "Right.")]);
    let came = talk(&[mind]).await;
    assert_eq!((came.answered().text.as_str(), came.shown().as_str()), ("Right.", "Right."));
}

#[tokio::test]
async fn when_none_answers_the_next_attempt_is_free() {
    let broken = Scripted::new("openai", vec![Do::Break("Half a sen", "server_error")]);
    let silent = Scripted::new("gemini", vec![Do::Blurt("")]);
    let came = talk(&[broken, silent]).await;
    let Outcome::Unanswered { attempt, reasons, .. } = &came.outcome else { panic!("nobody answered") };
    assert_eq!(*attempt, 2);
    assert_eq!(reasons, &["openai: server_error", "gemini: empty_answer"]);
}
