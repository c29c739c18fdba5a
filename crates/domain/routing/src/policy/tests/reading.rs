//! Policy files as people write them, and what is wrong with them.

use super::*;
use crate::backoff::Retries;
use crate::policy::{BUILT_IN, Doubt};

fn wrong(text: &str) -> String {
    Policy::parse(text).expect_err("mistakes").to_string()
}

#[test]
fn the_built_in_policy_is_valid() {
    let policy = Policy::default();
    assert!((policy.threshold - 0.7).abs() < f32::EPSILON);
    assert_eq!(policy.retry, Retries::default());
    assert_eq!(Policy::parse(BUILT_IN), Ok(policy));
}

#[test]
fn what_a_file_leaves_out_is_as_in_the_built_in_one() {
    let policy = Policy::parse("threshold = 0.8\n").expect("valid");
    let built_in = Policy::default();
    assert!((policy.threshold - 0.8).abs() < f32::EPSILON);
    assert_eq!(
        (&policy.templates, &policy.receipt, &policy.retry),
        (&built_in.templates, &built_in.receipt, &built_in.retry)
    );
    let names = |policy: &Policy| policy.rules.iter().map(|rule| (rule.name.clone(), rule.line)).collect::<Vec<_>>();
    let expected: Vec<_> = names(&built_in).into_iter().map(|(name, _)| (name, 0)).collect();
    assert_eq!(names(&policy), expected, "no line of this file");
}

#[test]
fn a_file_from_before_there_were_rules_is_told_the_cure() {
    let old = "threshold = 0.7\n\n[ignore]\nthreshold = 0.5\nexpires_after_hours = 24\n";
    let message = wrong(old);
    assert!(
        message.starts_with("line 3, column 2: `ignore` is gone") && message.contains("Leave this section out"),
        "{message}"
    );
    assert!(Policy::parse(old.split("\n\n").next().expect("the first part")).is_ok(), "as it says");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(wrong(include_str!("mistakes.toml")));
}

#[test]
fn what_is_no_toml_has_a_place_too() {
    assert_eq!(wrong("threshold = \n"), "line 1, column 13: string values must be quoted, expected literal string");
    assert!(wrong("threshold = 0.7\nthreshold = 0.8").starts_with("line 2, column 1: "));
}

#[test]
fn places_are_counted_in_characters() {
    assert!(wrong("# é\n\"ü\" = 1").starts_with("line 2, column 1: "));
    let several = wrong("task_types = { \"é\" = \"ADMIN\", X = \"ADMIN\" }");
    assert!(several.starts_with("line 1, column 16: ") && several.contains("\nline 1, column 31: "), "{several}");
}

#[test]
fn doubts_name_both_rules() {
    let told = |text: &str| -> Vec<String> {
        let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{error}"));
        policy.warnings().iter().map(ToString::to_string).collect()
    };
    insta::assert_snapshot!(told(include_str!("doubts.toml")).join("\n"));
    let unsure = "[[rules]]\nname = \"a\"\nwhen = { confidence = { below = \"threshold\" } }\nto = []\n\
                  [[rules]]\nname = \"b\"\nwhen = { confidence = { below = 0.5 } }\nto = []\n\
                  [[rules]]\nname = \"c\"\nhold = {}\n";
    let policy = Policy::parse(unsure).expect("valid");
    assert_eq!(policy.warnings().len(), 1);
    assert_eq!(policy.warnings()[0].doubt, Doubt::Shadowed(vec!["a".into()]));
    assert_eq!(policy.with_threshold(0.4).expect("from 0 to 1").warnings(), [], "it depends on the threshold in force");
}
