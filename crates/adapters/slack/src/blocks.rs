//! A question as Block Kit, and the names by which an answer is recognised again. Must not know what is asked about.
//!
//! Rules: <https://docs.slack.dev/reference/block-kit>. Every text is `plain_text`: nothing in it is markup, and it is escaped
//! all the same.

use crate::text::{cut_for_slack, for_slack};
use dispatch_mission::ids::DeliveryId;
use dispatch_routing::question::{Alternative, Asks, Question, Remark};
use serde_json::{Value, json};

/// Slack allows 3,000 characters in a section.
const SECTION_CHARS: usize = 3_000;

/// What the `block_id` of the answers begins with; the rest is the delivery that asked.
const BLOCK: &str = "dispatch:";
/// `action_id` of the yes.
pub(crate) const CONFIRM: &str = "dispatch_confirm";
/// `action_id` of the list of other meanings.
pub(crate) const CHOOSE: &str = "dispatch_choose";
/// `action_id` of the list of people.
pub(crate) const REALTOR: &str = "dispatch_realtor";
/// `action_id` of the no.
pub(crate) const IGNORE: &str = "dispatch_ignore";

/// `question` with its buttons.
pub(crate) fn question(question: &Question, id: DeliveryId) -> Value {
    let mut elements = match &question.asks {
        Asks::Meaning { confirm, choices } => {
            let yes = confirm.then(|| json!({
                "type": "button", "action_id": CONFIRM, "text": plain("Confirm"), "style": "primary", "value": "confirm",
            }));
            yes.into_iter().chain((!choices.is_empty()).then(|| choose(choices))).collect()
        }
        Asks::Realtor => vec![json!({
            "type": "users_select", "action_id": REALTOR, "placeholder": plain("Choose the realtor…"),
        })],
    };
    elements.push(json!({ "type": "button", "action_id": IGNORE, "text": plain("Ignore"), "value": "ignore" }));
    // A message that takes another one's place needs other block ids.
    json!([section(&question.text), { "type": "actions", "block_id": format!("{BLOCK}{id}"), "elements": elements }])
}

/// A line without any button.
pub(crate) fn closing(text: &str) -> Value {
    json!([{ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }])
}

/// The delivery that a block was sent for.
pub(crate) fn delivery_of(block_id: &str) -> Option<DeliveryId> {
    block_id.strip_prefix(BLOCK)?.parse().ok().map(DeliveryId)
}

/// `remark` with its person as Slack shows people; everything else in it is escaped.
pub(crate) fn remark(remark: &Remark) -> String {
    let person = remark.person.as_deref().filter(|id| is_user(id));
    let mention = person.map_or_else(|| "somebody".to_owned(), |id| format!("<@{id}>"));
    for_slack(&remark.text).replace("{person}", &mention)
}

/// Whether `id` is one of Slack's user ids, so that it can be nothing else between `<@` and `>`.
pub(crate) fn is_user(id: &str) -> bool {
    (2..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn choose(choices: &[Alternative]) -> Value {
    let option = |one: &Alternative| json!({ "text": plain(one.label()), "value": one.as_str() });
    let options: Vec<Value> = choices.iter().map(option).collect();
    json!({ "type": "static_select", "action_id": CHOOSE, "placeholder": plain("Choose…"), "options": options })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": plain(&cut_for_slack(text, SECTION_CHARS)) })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::uuid;

    const ID: DeliveryId = DeliveryId(uuid!("01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60"));

    fn asked(text: &str, asks: Asks) -> Value {
        question(&Question { text: text.into(), asks, replaces: None }, ID)
    }

    #[test]
    fn a_question_with_all_its_answers() {
        let choices = vec![Alternative::SaleListing, Alternative::LeaseListing];
        let blocks = asked("Is it a task, “Sign for <12 Elm> & Co”?", Asks::Meaning { confirm: true, choices });
        let word = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
        let option = |text: &str, value: &str| json!({"text": word(text), "value": value});
        let expected = json!([
            {"type": "section", "text": word("Is it a task, “Sign for &lt;12 Elm&gt; &amp; Co”?")},
            {"type": "actions", "block_id": format!("dispatch:{ID}"), "elements": [
                {"type": "button", "action_id": CONFIRM, "text": word("Confirm"), "style": "primary", "value": "confirm"},
                {"type": "static_select", "action_id": CHOOSE, "placeholder": word("Choose…"), "options": [
                    option("A new listing for sale", "sale_listing"), option("A new listing for lease", "lease_listing"),
                ]},
                {"type": "button", "action_id": IGNORE, "text": word("Ignore"), "value": "ignore"},
            ]},
        ]);
        assert_eq!(blocks, expected);
        assert_eq!(delivery_of(blocks[1]["block_id"].as_str().expect("text")), Some(ID));
    }

    #[test]
    fn a_question_whose_work_it_is() {
        let blocks = asked("Who is the realtor?", Asks::Realtor);
        let elements = blocks[1]["elements"].as_array().expect("a list");
        assert_eq!(elements.iter().map(|one| &one["action_id"]).collect::<Vec<_>>(), [REALTOR, IGNORE]);
        let placeholder = json!({"type": "plain_text", "text": "Choose the realtor…", "emoji": false});
        assert_eq!((&elements[0]["type"], &elements[0]["placeholder"]), (&json!("users_select"), &placeholder));
    }

    #[test]
    fn it_keeps_to_slacks_limits_and_asks_nobody_to_confirm_nothing() {
        let asks = Asks::Meaning { confirm: false, choices: Alternative::ALL.into() };
        let blocks = asked(&"&".repeat(9_000), asks);
        let text = blocks[0]["text"]["text"].as_str().expect("text");
        assert!(text.chars().count() <= SECTION_CHARS && text.ends_with("&amp;…"), "{}", text.len());
        let elements = blocks[1]["elements"].as_array().expect("a list");
        assert_eq!(elements.iter().map(|one| &one["action_id"]).collect::<Vec<_>>(), [CHOOSE, IGNORE]);
        assert!(blocks[1]["block_id"].as_str().expect("text").len() <= 255);
        for option in elements[0]["options"].as_array().expect("a list") {
            assert!(option["text"]["text"].as_str().expect("text").len() <= 75);
        }
    }

    #[test]
    fn a_remark_names_its_person_and_nobody_else() {
        let said =
            |text: &str, person: Option<&str>| remark(&Remark { text: text.into(), person: person.map(Into::into) });
        assert_eq!(said("Confirmed by {person}.", Some("U02AB")), "Confirmed by <@U02AB>.");
        for odd in [None, Some(""), Some("U1> <!channel"), Some("channel|x"), Some("u1")] {
            assert_eq!(said("<!here> by {person}.", odd), "&lt;!here&gt; by somebody.");
        }
    }

    #[test]
    fn blocks_of_others_are_not_ours() {
        for other in ["", "dispatch:", "dispatch:1", "other:01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60", "abc"] {
            assert_eq!(delivery_of(other), None, "{other}");
        }
    }
}
