//! What people ask, in their own words and with their own slips, and what is understood and answered. Must not need a database.

use super::intent::{self, Asked};
use crate::query::tests::{admin, answer_of, asker};
use proptest::prelude::*;
use std::fmt::Write as _;
use time::macros::date;

/// Monday.
const TODAY: time::Date = date!(2026 - 11 - 23);

const WORDINGS: &str = include_str!("wordings.txt");

fn told(asked: &Asked) -> String {
    let mut text = format!("{:?}", asked.kind);
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = write!(text, " {name}={value}");
        }
    };
    add("id", asked.ids.join(","));
    add("at", asked.address.clone().unwrap_or_default());
    let name = |name: &intent::Name| {
        let mark = if name.sure { "!" } else { "" };
        format!("{}{mark}{}", name.text, if name.place { "@" } else { "" })
    };
    add("name", asked.names.iter().map(name).collect::<Vec<_>>().join(","));
    add("about", asked.topics.join(","));
    add(
        "when",
        asked
            .when
            .as_ref()
            .map(|when| {
                let day = |day: Option<time::Date>| day.map(|day| day.to_string()).unwrap_or_default();
                format!("{}..{}", day(when.from), day(when.to))
            })
            .unwrap_or_default(),
    );
    add("me", if asked.me { "yes".into() } else { String::new() });
    add("count", if asked.counts { "yes".into() } else { String::new() });
    add("source", asked.source.unwrap_or_default().to_owned());
    text
}

#[test]
fn what_people_ask_is_understood() {
    let questions: Vec<&str> =
        WORDINGS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# ")).collect();
    assert!(questions.len() >= 80);
    let read: Vec<String> =
        questions.iter().map(|question| format!("{question}\n    {}", told(&intent::read(question, TODAY)))).collect();
    insta::assert_snapshot!(read.join("\n"));
}

proptest! {
    #[test]
    fn no_question_is_too_strange(question in any::<String>()) {
        let _ = told(&intent::read(&question, TODAY));
    }

    #[test]
    fn no_mix_of_their_words_is_too_strange(words in proptest::collection::vec(
        prop::sample::select(WORDINGS.split_whitespace().collect::<Vec<_>>()), 0..14))
    {
        let _ = told(&intent::read(&words.join(" "), TODAY));
    }

    /// Whatever is asked, nothing is answered or cited that is hidden from whoever asks.
    #[test]
    fn what_is_hidden_is_never_told(words in proptest::collection::vec(
        prop::sample::select(WORDINGS.split_whitespace().chain(["m-mls", "m-flyer", "MLS", "flyer"]).collect::<Vec<_>>()), 0..10))
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let guest = asker(dispatch_mission::people::Sight::COMMON, false);
        let answer = runtime.block_on(answer_of(&guest, &words.join(" "), &[]));
        let told = format!("{answer:?}");
        for hidden in ["Create MLS listing", "Design a flyer", "Take photos of nothing", "maybe something", "http_503"] {
            prop_assert!(!told.contains(hidden), "{hidden}: {told}");
        }
    }
}

#[tokio::test]
async fn questions_are_answered_exactly() {
    let mut all = String::new();
    for question in include_str!("answered.txt").lines().filter(|line| !line.is_empty()) {
        let answer = answer_of(&admin(), question, &[]).await;
        let _ = write!(
            all,
            "## {question}\n\n{}\n\n> {}\n> cites {}\n\n",
            answer.text,
            answer.tools.join("; "),
            answer.cited.join(", ")
        );
    }
    insta::assert_snapshot!(all);
}
