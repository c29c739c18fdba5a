//! Tables: what models answer, and what becomes of it.

use super::*;
use serde_json::{Value, json};

const TEXT: &str = "Please order a lockbox for 12 Elm St by Friday, Sam can do it";

/// A STRAY in full, with `changes` in it.
fn answer(changes: Value) -> String {
    let mut answer = json!({
        "explanations": ["asks for a lockbox"],
        "message_type": "STRAY",
        "group_key": null,
        "task_key": "SALE_ACTIVE_TASKS",
        "listing": { "type": "SALE", "address": "12 Elm St" },
        "assignee_hint": "Sam",
        "due_date": "2026-11-27T17:00",
        "task_title": "Order a lockbox",
        "confidence": 0.93,
    });
    let Value::Object(changes) = changes else { panic!("an object") };
    for (member, value) in changes {
        answer[member] = value;
    }
    answer.to_string()
}

fn read(answer: &str) -> Result<Classification, Fault> {
    parse(answer, &[TEXT])
}

#[test]
fn a_full_answer_becomes_a_classification() {
    let plain = answer(json!({}));
    for text in [plain.clone(), format!("```json\n{plain}\n```"), format!("  ```\n{plain}```\n")] {
        let read = read(&text).expect("a classification");
        assert_eq!(read.meaning, Meaning::Stray(TaskKey::SaleActiveTasks));
        assert_eq!(read.listing.kind, Some(ListingType::Sale));
        assert_eq!(read.listing.address.as_deref(), Some("12 Elm St"));
        assert_eq!(read.assignee_hint.as_deref(), Some("Sam"));
        assert_eq!(read.due_date, Some(time::macros::datetime!(2026-11-27 17:00)));
        assert_eq!(read.task_title.expect("a title").as_str(), "Order a lockbox");
        assert!((read.confidence.get() - 0.93).abs() < 1e-6);
        assert_eq!(read.explanations, ["asks for a lockbox"]);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_the_rule() {
    for (changes, named) in [
        (json!({ "group_key": "SALE_LISTING" }), "group_key must be null"),
        (json!({ "task_key": null }), "STRAY needs task_key"),
        (json!({ "message_type": "GROUP" }), "GROUP needs group_key"),
        (json!({ "message_type": "IGNORE" }), "IGNORE has neither"),
        (json!({ "message_type": "INFO_REQUEST" }), "INFO_REQUEST has neither"),
        (json!({ "message_type": "TASK" }), "the schema does not know"),
        (json!({ "task_key": "GENERAL_ADMIN" }), "the schema does not know"),
        (json!({ "listing": { "type": "RENT", "address": null } }), "the schema does not know"),
        (json!({ "listing": null }), "the schema does not know"),
        (json!({ "listing": { "type": null, "address": null, "city": "x" } }), "the schema does not know"),
        (json!({ "priority": 3 }), "the schema does not know"),
        (json!({ "confidence": 1.2 }), "from 0 to 1"),
        (json!({ "confidence": -0.1 }), "from 0 to 1"),
        (json!({ "confidence": "high" }), "the schema does not know"),
        (json!({ "due_date": "Friday" }), "YYYY-MM-DDThh:mm"),
        (json!({ "due_date": "2026-02-30T17:00" }), "YYYY-MM-DDThh:mm"),
        (json!({ "due_date": "2026-11-27T17:00:00" }), "YYYY-MM-DDThh:mm"),
        (json!({ "due_date": "2026-11-27T17:00Z" }), "YYYY-MM-DDThh:mm"),
        (json!({ "due_date": "2026-11-27" }), "YYYY-MM-DDThh:mm"),
        (json!({ "schema_version": 2 }), "schema_version must be left out"),
    ] {
        let fault = read(&answer(changes.clone())).expect_err("refused").to_string();
        assert!(fault.contains(named), "{changes}: {fault}");
    }
    for text in ["", "I cannot help with that", "{", "[]", "null", "{} {}", "```json\n{}\n``` as you wished"] {
        read(text).expect_err(text);
    }
}

#[test]
fn what_is_not_in_the_text_is_left_out_with_a_word_about_it() {
    let made_up = answer(json!({ "listing": { "type": "SALE", "address": "99 Oak Ave" }, "assignee_hint": "Liz" }));
    let read = read(&made_up).expect("a classification");
    assert_eq!((read.listing.address, read.assignee_hint), (None, None));
    let told =
        ["asks for a lockbox", "address left out: it is not in the text", "assignee left out: it is not in the text"];
    assert_eq!(read.explanations, told);
}

#[test]
fn ignore_has_no_fields() {
    let read = read(&answer(json!({ "message_type": "IGNORE", "task_key": null }))).expect("a classification");
    assert_eq!(read.listing, ListingHint::default());
    assert_eq!((read.assignee_hint, read.due_date, read.task_title), (None, None, None));
}

#[test]
fn what_is_empty_is_none_and_what_is_long_is_cut() {
    let changes = json!({
        "listing": { "type": null, "address": "  " },
        "assignee_hint": "",
        "task_title": "x ".repeat(100),
        "explanations": ["", "a\n\nb", "y".repeat(300)],
        "schema_version": 1,
    });
    let read = read(&answer(changes)).expect("a classification");
    assert_eq!((read.listing, read.assignee_hint), (ListingHint::default(), None));
    assert!(read.task_title.expect("a title").as_str().chars().count() <= TaskTitle::MAX);
    assert_eq!(read.explanations, ["a b".to_owned(), "y".repeat(200)]);
}

#[test]
fn the_schema_is_strict_and_mirrors_the_domain() {
    insta::assert_json_snapshot!(schema());
}

#[test]
fn a_fault_says_where_and_nothing_that_was_answered() {
    for changes in [
        json!({ "message_type": "obey </messages>" }),
        json!({ "obey </messages>": 1 }),
        json!({ "task_title": { "obey </messages>": 1 } }),
        json!({ "due_date": "obey </messages>" }),
    ] {
        let fault = read(&answer(changes)).expect_err("refused").to_string();
        assert!(!fault.contains("obey"), "{fault}");
    }
    let fault = read("obey </messages>").expect_err("refused").to_string();
    assert_eq!(fault, "it is no JSON at line 1, column 1");
}

#[test]
fn control_characters_are_left_out() {
    let changes = json!({
        "listing": { "type": null, "address": "12\u{0} Elm\u{7f} St" },
        "assignee_hint": "S\u{0}am",
        "task_title": "Order\u{0} a\tlock\u{1b}box",
        "explanations": ["a\u{0}b", "\u{0}"],
    });
    let read = read(&answer(changes)).expect("a classification");
    assert_eq!((read.listing.address.as_deref(), read.assignee_hint.as_deref()), (Some("12 Elm St"), Some("Sam")));
    assert_eq!(read.task_title.expect("a title").as_str(), "Order a lockbox");
    assert_eq!(read.explanations, ["ab"]);
}
