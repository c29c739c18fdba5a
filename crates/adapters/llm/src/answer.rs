//! What a model answers, strictly: the shape that is asked for as a JSON schema, and the way from there to a
//! classification. A mirror of the domain's, because that one cannot be built wrong and this one comes from outside. Must
//! not know providers.

use crate::found::occurs;
use dispatch_classification::classification::{
    Classification, Confidence, ListingHint, Meaning, SCHEMA_VERSION, TaskTitle,
};
use dispatch_classification::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use std::borrow::Cow;
use thiserror::Error;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// The taxonomy's words, as a model may write them.
trait Words: Sized + Copy + 'static {
    const NAME: &'static str;
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
}

macro_rules! words {
    ($($of:ident),*) => {$(
        impl Words for $of {
            const NAME: &'static str = stringify!($of);
            const ALL: &'static [Self] = &$of::ALL;
            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    )*};
}
words!(MessageType, GroupKey, TaskKey, ListingType);

/// One of the taxonomy's words.
#[derive(Clone, Copy)]
struct Word<T>(T);

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = T::ALL.iter().find(|word| word.word() == text);
        word.map(|word| Self(*word)).ok_or_else(|| serde::de::Error::custom("no word of the taxonomy"))
    }
}

impl<T: Words> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = T::ALL.iter().map(|word| word.word()).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

/// The evidence comes first, for a model writes what it decides after what it wrote.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "classification", description = "What the unit of messages means.")]
struct Answer {
    /// One to three short phrases: the evidence, or what is missing.
    explanations: Vec<String>,
    message_type: Word<MessageType>,
    /// For GROUP only.
    #[schemars(schema_with = "word_or_null::<GroupKey>")]
    group_key: Option<Word<GroupKey>>,
    /// For STRAY only.
    #[schemars(schema_with = "word_or_null::<TaskKey>")]
    task_key: Option<Word<TaskKey>>,
    listing: Listing,
    /// The person named to do the work, as typed.
    assignee_hint: Option<String>,
    /// A local wall time, YYYY-MM-DDThh:mm.
    due_date: Option<String>,
    /// At most 80 characters.
    task_title: Option<String>,
    /// From 0 to 1.
    #[schemars(schema_with = "number")]
    confidence: f32,
    /// Not asked for; some models add it because they know it from elsewhere.
    #[serde(default)]
    #[schemars(skip)]
    schema_version: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(rename = "type")]
    #[schemars(schema_with = "word_or_null::<ListingType>")]
    kind: Option<Word<ListingType>>,
    /// As typed, only if it is in the text or a link.
    address: Option<String>,
}

/// Not by null among the words: Gemini takes words only there.
fn word_or_null<T: Words>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [Word::<T>::json_schema(generator), { "type": "null" }] })
}

/// Without a format or bounds, which strict modes do not take.
fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "number" })
}

/// What is wrong with an answer, for the model, in our words alone: what it answered may be what a message told it to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("it {what} at line {line}, column {column}")]
    Unreadable {
        /// What it does there.
        what: &'static str,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It breaks this rule.
    #[error("{0}")]
    Breaks(&'static str),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            Category::Data => "has a member or a value that the schema does not know, or lacks one that it requires,",
            Category::Eof => "ends before the JSON does",
            Category::Syntax | Category::Io => "is no JSON",
        };
        Self::Unreadable { what, line: error.line(), column: error.column() }
    }
}

/// The schema to ask for. The same shape whatever the provider: all members required, none beside them.
pub fn schema() -> Schema {
    let settings = schemars::generate::SchemaSettings::default().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Answer>();
    if let Some(object) = schema.as_object_mut() {
        close(object);
    }
    schema
}

/// Requires every property, at every depth: strict modes demand it, and absent would be the same as null.
fn close(object: &mut serde_json::Map<String, serde_json::Value>) {
    let Some(properties) = object.get_mut("properties").and_then(|properties| properties.as_object_mut()) else {
        return;
    };
    let names = properties.keys().cloned().collect::<Vec<_>>();
    for property in properties.values_mut().filter_map(|property| property.as_object_mut()) {
        close(property);
    }
    object.insert("required".to_owned(), names.into());
}

/// Reads an answer about messages whose texts are `texts`.
pub fn parse(answer: &str, texts: &[&str]) -> Result<Classification, Fault> {
    let answer: Answer = serde_json::from_str(unfenced(answer))?;
    if answer.schema_version.is_some_and(|version| version != SCHEMA_VERSION) {
        return Err(Fault::Breaks("schema_version must be left out"));
    }
    let meaning = meaning(&answer)?;
    let confidence =
        Confidence::try_from(answer.confidence).map_err(|_| Fault::Breaks("confidence must be from 0 to 1"))?;
    let due_date = answer.due_date.as_deref().map(due_date).transpose()?;
    let mut explanations: Vec<String> = answer.explanations.iter().filter_map(|text| phrase(text)).take(8).collect();
    if meaning == Meaning::Ignore {
        // No fields belong there, and what else is said changes nothing.
        return Ok(Classification { explanations, ..bare(meaning, confidence) });
    }
    let mut typed = |what: &str, text: Option<String>| {
        let text = text.map(|text| printable(&text).trim().to_owned()).filter(|text| !text.is_empty())?;
        if occurs(&text, texts) {
            return Some(text);
        }
        explanations.push(format!("{what} left out: it is not in the text"));
        None
    };
    let address = typed("address", answer.listing.address);
    let assignee_hint = typed("assignee", answer.assignee_hint);
    Ok(Classification {
        listing: ListingHint { kind: answer.listing.kind.map(|kind| kind.0), address },
        assignee_hint,
        due_date,
        task_title: answer.task_title.as_deref().and_then(|title| TaskTitle::from_text(&printable(title))),
        explanations,
        ..bare(meaning, confidence)
    })
}

fn bare(meaning: Meaning, confidence: Confidence) -> Classification {
    Classification {
        meaning,
        listing: ListingHint::default(),
        assignee_hint: None,
        due_date: None,
        task_title: None,
        confidence,
        explanations: Vec::new(),
    }
}

fn meaning(answer: &Answer) -> Result<Meaning, Fault> {
    let (group, task) = (answer.group_key.map(|key| key.0), answer.task_key.map(|key| key.0));
    Meaning::from_parts(answer.message_type.0, group, task).ok_or_else(|| {
        let rule = match answer.message_type.0 {
            MessageType::Group => "GROUP needs group_key, and task_key must be null",
            MessageType::Stray => "STRAY needs task_key, and group_key must be null",
            MessageType::InfoRequest => "INFO_REQUEST has neither group_key nor task_key",
            MessageType::Ignore => "IGNORE has neither group_key nor task_key",
        };
        Fault::Breaks(rule)
    })
}

fn due_date(text: &str) -> Result<PrimitiveDateTime, Fault> {
    PrimitiveDateTime::parse(text, format_description!("[year]-[month]-[day]T[hour]:[minute]"))
        .map_err(|_| Fault::Breaks("due_date must be a date and time that exist, as YYYY-MM-DDThh:mm, or null"))
}

/// Without control characters but the blank ones: nobody types the others, and no database takes a NUL.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_whitespace() || !c.is_control()).collect()
}

/// One line of at most 200 characters.
fn phrase(text: &str) -> Option<String> {
    let folded: String = printable(text).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    (!folded.is_empty()).then_some(folded)
}

/// Without the fence that models without structured output like to put around.
fn unfenced(answer: &str) -> &str {
    let answer = answer.trim();
    let inner = answer.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.map_or(answer, |inner| inner.trim_start_matches("json").trim())
}

#[cfg(test)]
mod tests;
