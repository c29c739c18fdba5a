//! Walks a TOML document by hand, so that every mistake in it is told, and each with its place. Must not know what a policy
//! is.

use super::problem::Problems;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// One value, and where it stands.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A table, and where it stands.
pub(super) struct Table<'a, 'i> {
    pub at: Range<usize>,
    pub entries: &'a DeTable<'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// `value`, which must be a table; `what` it is for.
    pub fn of(problems: &mut Problems<'_>, value: &'a Value<'i>, what: &str) -> Option<Self> {
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            problems.add(value.span(), format!("{what} must be a table"));
        }
        Some(Self { at: value.span(), entries: entries? })
    }

    pub fn get(&self, key: &str) -> Option<&'a Value<'i>> {
        self.entries.get(key)
    }

    /// Everything that is not called one of these is a mistake.
    pub fn has_only(&self, problems: &mut Problems<'_>, known: &[&str], what: &str) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            problems.add(key.span(), format!("{what} has no `{}`; it may have {}", key.get_ref(), known.join(", ")));
        }
    }
}

/// Reads a value that has a shape of its own; `place` is named with a mistake where its line does not say enough.
pub(super) fn shaped<T: DeserializeOwned>(
    problems: &mut Problems<'_>,
    value: &Value<'_>,
    place: Option<&str>,
) -> Option<T> {
    match T::deserialize(ValueDeserializer::from(value.clone())) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.add_error(&error, value.span(), place);
            None
        }
    }
}

/// Reads a text that `parse` understands; `expected` says which.
pub(super) fn word<T>(
    problems: &mut Problems<'_>,
    value: &Value<'_>,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Option<T> {
    let read = value.get_ref().as_str().and_then(parse);
    if read.is_none() {
        problems.add(value.span(), format!("expected {expected}, found {}", shown(value.get_ref())));
    }
    read
}

/// The same, one or a list of several.
pub(super) fn words<T>(
    problems: &mut Problems<'_>,
    value: &Value<'_>,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Option<Vec<T>> {
    let Some(several) = value.get_ref().as_array() else {
        return word(problems, value, parse, expected).map(|one| vec![one]);
    };
    if several.is_empty() {
        problems.add(value.span(), format!("this list is empty; expected {expected}"));
    }
    let read: Vec<_> = several.iter().map(|one| word(problems, one, &parse, expected)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().filter(|read| !read.is_empty())
}

/// Reads a number from 0 to 1.
pub(super) fn share(problems: &mut Problems<'_>, value: &Value<'_>) -> Option<f32> {
    let read = match value.get_ref() {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    };
    let read = read.filter(|number| (0.0..=1.0).contains(number));
    if read.is_none() {
        problems.add(value.span(), format!("expected a number from 0 to 1, found {}", shown(value.get_ref())));
    }
    read
}

/// Reads a whole number within `range`.
pub(super) fn count(problems: &mut Problems<'_>, value: &Value<'_>, range: Range<u64>) -> Option<u64> {
    let read = value.get_ref().as_integer().filter(|number| number.radix() == 10);
    let read = read.and_then(|number| number.as_str().parse().ok()).filter(|number| range.contains(number));
    if read.is_none() {
        let (least, most) = (range.start, range.end - 1);
        let found = shown(value.get_ref());
        problems.add(value.span(), format!("expected a whole number from {least} to {most}, found {found}"));
    }
    read
}

/// What was found instead, never at length.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(_) => "a date or a time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
