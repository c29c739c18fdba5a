//! How a policy is spelled: in its file, in tables and in answers alike. Must not know what any of it leads to.

use super::condition::{Band, Bound, Condition, Facts, Files, Hours};
use super::rule::{Notice, To};
use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use std::fmt;
use time::Weekday;

/// The days of a week, as they are spelled.
const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "mon"),
    (Weekday::Tuesday, "tue"),
    (Weekday::Wednesday, "wed"),
    (Weekday::Thursday, "thu"),
    (Weekday::Friday, "fri"),
    (Weekday::Saturday, "sat"),
    (Weekday::Sunday, "sun"),
];

/// The meaning that a key stands for.
pub(super) fn key(text: &str) -> Option<Meaning> {
    GroupKey::parse(text).map(Meaning::Group).or_else(|| TaskKey::parse(text).map(Meaning::Stray))
}

/// The key of a meaning, where it has one.
#[must_use]
pub fn key_of(meaning: Meaning) -> Option<&'static str> {
    meaning.group_key().map(GroupKey::as_str).or_else(|| meaning.task_key().map(TaskKey::as_str))
}

/// `mon`, or `fri-mon`: one day or several.
pub(super) fn days(text: &str) -> Option<Vec<Weekday>> {
    let day = |text: &str| DAYS.iter().position(|(_, name)| *name == text);
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(text)?, day(text)?),
    };
    let count = (last + 7 - first) % 7 + 1;
    Some((first..first + count).map(|at| DAYS[at % 7].0).collect())
}

/// How a day is spelled.
#[must_use]
pub fn day_of(day: Weekday) -> &'static str {
    DAYS[usize::from(day.number_days_from_monday())].1
}

/// `22:00-06:00`.
pub(super) fn hours(text: &str) -> Option<Hours> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
        let (hour, minute) = (number(hour)?, number(minute)?);
        (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
    };
    let (from, until) = text.split_once('-')?;
    let hours = Hours { from: minute(from)?, until: minute(until)? };
    (hours.from != hours.until && hours.from < 24 * 60 && hours.until > 0).then_some(hours)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskOrchestrator => f.write_str("task_orchestrator"),
            Self::Receipt => f.write_str("receipt"),
            Self::Question => f.write_str("question"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Slack(Notice { place, .. }) => write!(f, "slack:{}/{}", place.workspace, place.channel_id),
        }
    }
}

impl Condition {
    /// Its name in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Type(_) => "type",
            Self::Key(_) => "key",
            Self::Confidence(_) => "confidence",
            Self::Source(_) => "source",
            Self::Workspace(_) => "workspace",
            Self::Channel(_) => "channel",
            Self::Author(_) => "author",
            Self::Time(_) => "time",
            Self::Weekday(_) => "weekday",
            Self::Wordless(_) => "wordless",
            Self::Attachments(_) => "attachments",
        }
    }

    /// What it asks for, each value in words, where the policy's threshold is `threshold`.
    #[must_use]
    pub fn wanted(&self, threshold: f32) -> Vec<String> {
        match self {
            Self::Type(types) => each(types, |one| one.as_str().to_owned()),
            Self::Key(keys) => each(keys, |one| key_of(*one).unwrap_or_default().to_owned()),
            Self::Confidence(band) => vec![band.in_words(threshold)],
            Self::Source(sources) => each(sources, |one| one.as_str().to_owned()),
            Self::Workspace(names) | Self::Channel(names) | Self::Author(names) => names.clone(),
            Self::Time(hours) => each(hours, ToString::to_string),
            Self::Weekday(days) => each(days, |day| day_of(*day).to_owned()),
            Self::Wordless(wanted) | Self::Attachments(wanted) => vec![wanted.to_string()],
        }
    }

    /// What is so instead, or indeed; nothing where it is not known.
    #[must_use]
    pub fn found(&self, facts: &Facts<'_>) -> Option<String> {
        let around = &facts.circumstances;
        match self {
            Self::Type(_) => Some(facts.meaning.message_type().as_str().to_owned()),
            Self::Key(_) => key_of(facts.meaning).map(ToOwned::to_owned),
            Self::Confidence(_) => Some(facts.confidence.to_string()),
            Self::Source(_) => around.source.map(|source| source.as_str().to_owned()),
            Self::Workspace(_) => around.workspace.map(ToOwned::to_owned),
            Self::Channel(_) => around.channel.map(ToOwned::to_owned),
            Self::Author(_) => around.author.map(ToOwned::to_owned),
            Self::Time(_) => Some(format!("{:02}:{:02}", around.at.hour(), around.at.minute())),
            Self::Weekday(_) => Some(day_of(around.at.weekday()).to_owned()),
            Self::Wordless(_) => Some((around.files == Files::Alone).to_string()),
            Self::Attachments(_) => Some((around.files != Files::None).to_string()),
        }
    }
}

impl Band {
    fn in_words(self, threshold: f32) -> String {
        let said = |bound: Bound| match bound {
            Bound::Number(number) => number.to_string(),
            Bound::Threshold => format!("the threshold ({threshold})"),
        };
        let ends = [
            self.at_least.map(|it| format!("at least {}", said(it))),
            self.below.map(|it| format!("below {}", said(it))),
        ];
        ends.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn each<T>(values: &[T], word: impl Fn(&T) -> String) -> Vec<String> {
    values.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_they_are_written() {
        for text in ["22:00-06:00", "00:00-24:00", "08:30-18:00"] {
            assert_eq!(hours(text).expect(text).to_string(), text);
        }
        for text in
            ["8:00-18:00", "08:00", "24:00-06:00", "08:00-08:00", "18:00-00:00", "08:60-09:00", "23:00-25:00", "-"]
        {
            assert_eq!(hours(text), None, "{text}");
        }
    }

    #[test]
    fn days_may_pass_the_weekend() {
        assert_eq!(days("sat"), Some(vec![Weekday::Saturday]));
        assert_eq!(
            days("fri-mon").map(|days| days.into_iter().map(day_of).collect::<Vec<_>>().join(" ")).as_deref(),
            Some("fri sat sun mon")
        );
        assert_eq!((days("monday"), days("mon-"), days("Mon")), (None, None, None));
    }
}
