//! Turns a verified body of the interactivity URL into an answer to a question of ours. Must not know HTTP, or what the
//! answer leads to.
//!
//! Rules: <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>. Its `response_url` and `trigger_id`
//! are not read: whoever answers is told through the same courier as everybody else, so that no address that comes in is called.

use crate::blocks::{CHOOSE, CONFIRM, IGNORE, REALTOR, delivery_of, is_user};
use crate::event::ParseError;
use crate::event::fields::Object;
use dispatch_mission::ids::OperationId;
use dispatch_mission::storable::storable;
use dispatch_routing::answer_queue::{NewAnswer, Says};
use dispatch_routing::question::Alternative;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The reasons why nothing is done.
pub mod reason {
    /// No click: a modal, a shortcut, a list that wants options.
    pub const TYPE_UNSUPPORTED: &str = "type_unsupported";
    /// A click on nothing of ours, or on what we do not offer.
    pub const ACTION_UNSUPPORTED: &str = "action_unsupported";
    /// Nobody can tell who clicked.
    pub const PERSON_MISSING: &str = "person_missing";
}

/// What came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interaction {
    /// An answer to a question.
    Answer(Box<NewAnswer>),
    /// Nothing that is acted on, and why.
    Ignored(&'static str),
}

/// Reads a form whose signature was verified: one field, `payload`, that is JSON.
///
/// # Errors
/// [`ParseError`] where there is no such field, or no JSON object in it.
pub fn parse(raw_body: &[u8], trace_id: &str) -> Result<Interaction, ParseError> {
    let mut fields = url::form_urlencoded::parse(raw_body);
    let Some((_, payload)) = fields.find(|(name, _)| name == "payload") else {
        return Err(ParseError::MissingField { pointer: "/payload" });
    };
    // The parser's own message may quote the body, so only the place goes out.
    let payload = serde_json::from_str(&storable(&payload))
        .map_err(|error| ParseError::InvalidJson { line: error.line(), column: error.column() })?;
    let Value::Object(payload) = payload else {
        return Err(ParseError::InvalidField { pointer: "/payload", expected: "a JSON object" });
    };
    if payload.text("type") != Some("block_actions") {
        return Ok(Interaction::Ignored(reason::TYPE_UNSUPPORTED));
    }
    Ok(answer(&payload, raw_body, trace_id).unwrap_or_else(Interaction::Ignored))
}

fn answer(payload: &Map<String, Value>, raw_body: &[u8], trace_id: &str) -> Result<Interaction, &'static str> {
    // One click is one action; only checkboxes and the like bring several.
    let action = payload.array("actions").first().and_then(Value::as_object).ok_or(reason::ACTION_UNSUPPORTED)?;
    let question = action.id("block_id").and_then(delivery_of).ok_or(reason::ACTION_UNSUPPORTED)?;
    let says = says(action).ok_or(reason::ACTION_UNSUPPORTED)?;
    let user = payload.object("user").ok_or(reason::PERSON_MISSING)?;
    let person = user.id("id").filter(|id| is_user(id)).ok_or(reason::PERSON_MISSING)?;
    let team = payload.object("team").and_then(|team| team.id("id"));
    // In a channel that is shared between workspaces, whoever clicks may be of the other one.
    let workspace = user.id("team_id").or(team).ok_or(reason::PERSON_MISSING)?;
    let at = action.id("action_ts").map_or_else(|| hex::encode(Sha256::digest(raw_body)), str::to_owned);
    let key = format!("slack:action:{question}/{workspace}/{person}/{at}");
    Ok(Interaction::Answer(Box::new(NewAnswer {
        answer_id: OperationId::mint(),
        key,
        question,
        workspace: workspace.to_owned(),
        person: person.to_owned(),
        says,
        trace_id: trace_id.to_owned(),
    })))
}

/// What the click says; nothing where it is none that we offer.
fn says(action: &Map<String, Value>) -> Option<Says> {
    match action.text("action_id")? {
        CONFIRM => Some(Says::Confirm),
        IGNORE => Some(Says::Ignore),
        CHOOSE => {
            let meaning = Alternative::parse(action.object("selected_option")?.text("value")?)?;
            Some(Says::Choose { meaning })
        }
        REALTOR => {
            let person = action.text("selected_user").filter(|id| is_user(id))?.to_owned();
            Some(Says::Realtor { person })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const QUESTION: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60";

    /// As in Slack's reference, cut to what stands there always.
    fn click(action: &Value) -> Value {
        let mut payload = json!({
            "type": "block_actions", "team": {"id": "T1", "domain": "kw"}, "api_app_id": "A1", "token": "old",
            "user": {"id": "U2", "username": "ann", "team_id": "T1"},
            "container": {"type": "message", "message_ts": "1800000000.000001", "channel_id": "C1", "is_ephemeral": false},
            "trigger_id": "1.2.3", "channel": {"id": "C1", "name": "deals"}, "enterprise": null, "is_enterprise_install": false,
            "response_url": "http://169.254.169.254/latest", "message": {"ts": "1800000000.000001", "text": "Is it a task?"},
            "actions": [{"block_id": format!("dispatch:{QUESTION}"), "action_ts": "1800000001.123456"}],
        });
        payload["actions"][0].as_object_mut().expect("object").extend(action.as_object().expect("object").clone());
        payload
    }

    fn read(payload: &Value) -> Interaction {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
        parse(body.as_bytes(), "4bf92f3577b34da6a3ce929d0e0e4736").expect("read")
    }

    fn answered(payload: &Value) -> NewAnswer {
        match read(payload) {
            Interaction::Answer(answer) => *answer,
            Interaction::Ignored(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn each_button_and_list_says_what_it_says() {
        let sale = json!({"action_id": "dispatch_choose", "type": "static_select", "selected_option": {"value": "sale_listing"}});
        let realtor = json!({"action_id": "dispatch_realtor", "type": "users_select", "selected_user": "U7"});
        for (action, says) in [
            (json!({"action_id": "dispatch_confirm", "type": "button", "value": "confirm"}), Says::Confirm),
            (json!({"action_id": "dispatch_ignore", "type": "button", "value": "ignore"}), Says::Ignore),
            (sale, Says::Choose { meaning: Alternative::SaleListing }),
            (realtor, Says::Realtor { person: "U7".into() }),
        ] {
            let answer = answered(&click(&action));
            assert_eq!((answer.says, answer.question.to_string().as_str()), (says, QUESTION));
            assert_eq!((answer.workspace.as_str(), answer.person.as_str()), ("T1", "U2"));
        }
    }

    #[test]
    fn one_click_has_one_key_and_another_one_another() {
        let confirm = click(&json!({"action_id": "dispatch_confirm"}));
        let again = answered(&confirm);
        assert_eq!(answered(&confirm).key, again.key);
        assert_ne!(answered(&confirm).answer_id, again.answer_id);
        for (pointer, value) in [("/actions/0/action_ts", "1800000002.1"), ("/user/id", "U3"), ("/user/team_id", "T2")]
        {
            let mut other = confirm.clone();
            *other.pointer_mut(pointer).expect("there") = json!(value);
            assert_ne!(answered(&other).key, again.key, "{pointer}");
        }
    }

    #[test]
    fn who_clicks_in_a_shared_channel_is_of_the_own_workspace() {
        let mut shared = click(&json!({"action_id": "dispatch_confirm"}));
        shared["user"]["team_id"] = json!("T9");
        assert_eq!(answered(&shared).workspace, "T9");
        shared["user"].as_object_mut().expect("object").remove("team_id");
        assert_eq!(answered(&shared).workspace, "T1");
        shared["team"] = json!(null);
        assert_eq!(read(&shared), Interaction::Ignored(reason::PERSON_MISSING));
    }

    #[test]
    fn what_is_no_answer_is_ignored_with_its_reason() {
        let ignored = |payload: Value| match read(&payload) {
            Interaction::Ignored(reason) => reason,
            Interaction::Answer(answer) => panic!("{answer:?}"),
        };
        for kind in ["view_submission", "block_suggestion", "shortcut", "message_action", "x"] {
            assert_eq!(ignored(json!({"type": kind})), reason::TYPE_UNSUPPORTED);
        }
        assert_eq!(ignored(json!({})), reason::TYPE_UNSUPPORTED);
        for action in [
            json!({"action_id": "dispatch_confirm", "block_id": "other"}),
            json!({"action_id": "approve"}),
            json!({}),
            json!({"action_id": "dispatch_choose", "selected_option": {"value": "not_offered"}}),
            json!({"action_id": "dispatch_choose", "selected_option": null}),
            json!({"action_id": "dispatch_realtor", "selected_user": "U1> <!channel"}),
        ] {
            assert_eq!(ignored(click(&action)), reason::ACTION_UNSUPPORTED, "{action}");
        }
        let mut nobody = click(&json!({"action_id": "dispatch_confirm"}));
        nobody["user"]["id"] = json!("");
        assert_eq!(ignored(nobody), reason::PERSON_MISSING);
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let refused = |body: &str| parse(body.as_bytes(), "").expect_err("refused");
        assert_eq!(refused("a=b"), ParseError::MissingField { pointer: "/payload" });
        assert_eq!(refused(""), ParseError::MissingField { pointer: "/payload" });
        assert!(matches!(refused("payload=%7B"), ParseError::InvalidJson { .. }));
        assert!(matches!(refused("payload=[]"), ParseError::InvalidField { pointer: "/payload", .. }));
    }
}
