//! Bodies of the shapes that Slack documents and sends (`*.json`, ids and texts are made up), and what each becomes.

#![allow(clippy::unwrap_used, missing_docs)]

use dispatch_mission::signal::{Disposition, NewSignal, Redelivery};
use dispatch_slack::event::{Incoming, OwnIds, Reception, parse};
use std::fmt::Write as _;
use std::path::Path;
use time::OffsetDateTime;

/// By the name of its file.
fn received(name: &str) -> Incoming {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
    let own = OwnIds::default();
    let received_at = OffsetDateTime::UNIX_EPOCH;
    parse(&body, Reception { redelivery: Redelivery::default(), trace_id: "", received_at, own: &own }).unwrap()
}

fn signal(name: &str) -> NewSignal {
    match received(name) {
        Incoming::Signal(signal) => *signal,
        Incoming::Challenge(_) => panic!("{name} is a challenge"),
    }
}

fn told(incoming: &Incoming) -> String {
    let signal = match incoming {
        Incoming::Challenge(text) => return format!("  challenge {text}\n"),
        Incoming::Signal(signal) => signal,
    };
    let mut out = match &signal.disposition {
        Disposition::Queue => "  queue\n".to_owned(),
        Disposition::Amend(amendment) => format!("  {} of {}\n", amendment.change.as_str(), amendment.of),
        Disposition::Ignore(reason) => format!("  ignore: {reason}\n"),
    };
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(out, "  {name:8} {value}").unwrap();
        }
    };
    line("key", &signal.keys.content);
    line("in", &signal.conversation.key());
    line("by", &signal.author);
    line("at", &signal.occurred_at.to_string());
    line("says", &signal.text.replace('\n', " ⏎ "));
    for file in &signal.attachments {
        line("file", &serde_json::to_string(file).unwrap());
    }
    if let Some(consent) = &signal.consent {
        let word = if consent.given { "allowed" } else { "forbidden" };
        line(word, &format!("{} ({})", consent.recipient.as_str(), consent.reason));
    }
    out
}

#[test]
fn each_body_becomes_what_stands_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let table: String = names.iter().map(|name| format!("{name}\n{}\n", told(&received(name)))).collect();
    insta::assert_snapshot!("events", table);
}

#[test]
fn a_mention_and_its_message_are_one() {
    assert_eq!(signal("app_mention").keys.content, signal("message").keys.content);
}

#[test]
fn every_change_is_about_the_message_it_changes() {
    for name in ["message_changed", "message_changed_into_tombstone", "message_deleted", "message_deleted_tombstone"] {
        match signal(name).disposition {
            Disposition::Amend(amendment) => assert_eq!(amendment.of, signal("message").keys.content, "{name}"),
            other => panic!("{name} is {other:?}"),
        }
    }
}

#[test]
fn what_overtakes_an_edit_has_another_key() {
    let edit = signal("message_changed").keys.content;
    assert_ne!(signal("message_changed_link_unfurled_after_edit").keys.content, edit);
}
