//! Reads labelled messages. Must not know the classifier.

use dispatch_classification::classification::{Meaning, Utterance};
use dispatch_classification::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One message with what it ought to mean.
pub struct Message {
    /// Its name in the file.
    pub id: String,
    /// The message as the classifier receives it.
    pub utterance: Utterance,
    /// Type and key.
    pub meaning: Meaning,
    /// Sale or lease.
    pub listing_type: Option<ListingType>,
    /// The address as typed.
    pub address: Option<String>,
    /// The assignee as typed.
    pub assignee: Option<String>,
    /// `YYYY-MM-DDThh:mm`.
    pub due: Option<String>,
}

/// Files that are never learned: errors that were found and mended, messages for an honest floor, and an examination whose
/// errors nobody looked at.
const HELD_BACK: [&str; 3] = ["regressions", "heldout", "examination"];

#[derive(Deserialize)]
struct Line {
    id: String,
    timestamp: String,
    text: String,
    label: Label,
}

#[derive(Deserialize)]
struct Label {
    message_type: MessageType,
    group_key: Option<GroupKey>,
    task_key: Option<TaskKey>,
    listing: Listing,
    assignee_hint: Option<String>,
    due_date: Option<String>,
}

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "type")]
    kind: Option<ListingType>,
    address: Option<String>,
}

/// The file of that name beside the crate, wherever the program is called from.
pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// The files that the model is trained on, in order of their names: all but what is held back to judge it by.
pub fn labelled() -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(data(""))? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "jsonl")
            && path.file_stem().is_some_and(|stem| !HELD_BACK.iter().any(|name| stem == *name))
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// All messages of a file.
pub fn read(path: &Path) -> Result<Vec<Message>, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| message(line).map_err(|error| format!("{error} in {line}").into())).collect()
}

fn message(line: &str) -> Result<Message, Box<dyn std::error::Error>> {
    let line: Line = serde_json::from_str(line)?;
    let label = line.label;
    let meaning = Meaning::from_parts(label.message_type, label.group_key, label.task_key)
        .ok_or("type and keys do not go together")?;
    Ok(Message {
        id: line.id,
        utterance: Utterance { text: line.text, at: OffsetDateTime::parse(&line.timestamp, &Rfc3339)? },
        meaning,
        listing_type: label.listing.kind,
        address: label.listing.address,
        assignee: label.assignee_hint,
        due: label.due_date,
    })
}
