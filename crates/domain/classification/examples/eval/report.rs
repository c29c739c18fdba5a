//! Shows figures as tables. Must not compute any.

use crate::measure::{Class, Figures, Judged, Source, THRESHOLD};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::{GroupKey, MessageType, TaskKey};
use std::collections::BTreeMap;

/// All tables of one run.
pub fn tables(figures: &Figures, results: &[Judged<'_>]) {
    let mut accuracy = table(&["what", "right"]);
    for (what, share) in [
        ("type", figures.message_type),
        ("key, where the type is right", figures.key_of_right_type),
        ("type and key", figures.type_and_key),
        ("listing type", figures.listing_type),
        ("address", figures.address),
        ("assignee", figures.assignee),
        ("due date", figures.due_date),
        ("everything at once", figures.everything),
    ] {
        accuracy.add_row([what.to_owned(), percent(share)]);
    }
    println!("{accuracy}\n");

    let mut calibration = table(&["confidence", "messages", "mean confidence", "type and key right"]);
    for bin in figures.bins.iter().filter(|bin| bin.count > 0) {
        let range = format!("{:.1} to {:.1}", bin.from, bin.to);
        calibration.add_row([range, bin.count.to_string(), percent(bin.confidence), percent(bin.accuracy)]);
    }
    println!("{calibration}");
    println!(
        "At {THRESHOLD} and above: {} of the messages, {} of them right. Expected calibration error {}.",
        percent(figures.coverage_at_threshold),
        percent(figures.precision_at_threshold),
        percent(figures.expected_calibration_error),
    );
    let (median, p99, slowest) = (figures.median_micros, figures.p99_micros, figures.slowest_micros);
    println!("{median} µs a message in the median, {p99} µs at 99 %, {slowest} µs the slowest.\n");

    let mut curve = table(&["threshold", "messages at or above", "of them right"]);
    for point in &figures.curve {
        curve.add_row([format!("{:.2}", point.threshold), percent(point.coverage), percent(point.precision)]);
    }
    println!("{curve}\n\n{}\n\n{}\n", sources(&figures.sources), types(results));
    println!("{}\n\n{}\n\n{}", classes(&figures.types), classes(&figures.keys), keys(results));
}

fn sources(sources: &[Source]) -> Table {
    let mut shown = table(&["ids", "messages", "type", "type and key", "at 0.7 and above", "of them right"]);
    for source in sources {
        let sure = &source.at_threshold;
        let shares = [source.message_type, source.type_and_key, sure.coverage, sure.precision].map(percent);
        shown.add_row([source.name.clone(), source.messages.to_string()].into_iter().chain(shares));
    }
    shown
}

fn classes(classes: &[Class]) -> Table {
    let mut shown = table(&["class", "labelled", "judged", "precision", "recall", "F1"]);
    for class in classes {
        let counts = [class.name.to_owned(), class.labelled.to_string(), class.judged.to_string()];
        shown.add_row(counts.into_iter().chain([class.precision, class.recall, class.f1].map(percent)));
    }
    shown
}

fn types(results: &[Judged<'_>]) -> Table {
    let mut header = vec!["labelled \\ judged"];
    header.extend(MessageType::ALL.map(MessageType::as_str));
    let mut confusion = table(&header);
    for label in MessageType::ALL {
        let counts = MessageType::ALL.map(|judged| {
            let both = |r: &&Judged<'_>| {
                r.message.meaning.message_type() == label && r.answer.meaning.message_type() == judged
            };
            results.iter().filter(both).count().to_string()
        });
        confusion.add_row([vec![label.as_str().to_owned()], counts.to_vec()].concat());
    }
    confusion
}

fn keys(results: &[Judged<'_>]) -> Table {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for result in results.iter().filter(|r| !r.meaning_right()) {
        *pairs.entry((name(result.message.meaning), name(result.answer.meaning))).or_default() += 1;
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut confusion = table(&["labelled", "judged", "times"]);
    for ((label, judged), count) in pairs {
        confusion.add_row([label, judged, &count.to_string()]);
    }
    confusion
}

/// Every message with a part that is wrong.
pub fn errors(results: &[Judged<'_>]) {
    for result in results.iter().filter(|r| !r.all_right()) {
        let message = result.message;
        println!("\n{}  {:?}", message.id, message.utterance.text);
        let differ = |what: &str, right: bool, label: String, answer: String| {
            if !right {
                println!("  {what}: {label}, judged {answer}");
            }
        };
        let sure = format!("{} ({:.2})", name(result.answer.meaning), result.confidence());
        differ("meaning", result.meaning_right(), name(message.meaning).to_owned(), sure);
        let (labelled, judged) = (message.listing_type, result.answer.listing.kind);
        differ("listing type", result.listing_type_right(), format!("{labelled:?}"), format!("{judged:?}"));
        let (labelled, judged) = (&message.address, &result.answer.listing.address);
        differ("address", result.address_right(), format!("{labelled:?}"), format!("{judged:?}"));
        let (labelled, judged) = (&message.assignee, &result.answer.assignee_hint);
        differ("assignee", result.assignee_right(), format!("{labelled:?}"), format!("{judged:?}"));
        differ("due", result.due_right(), format!("{:?}", message.due), format!("{:?}", result.due));
        if !result.meaning_right() {
            println!("  because {}", result.answer.explanations.join("; "));
        }
    }
}

fn name(meaning: Meaning) -> &'static str {
    let key = meaning.group_key().map(GroupKey::as_str).or(meaning.task_key().map(TaskKey::as_str));
    key.unwrap_or(meaning.message_type().as_str())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
