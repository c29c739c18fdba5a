//! Conditions of a rule: what they ask of a message, and whether it is so. Must not know how a file spells them, nor what a
//! rule does.

use crate::unit::ClaimedUnit;
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_classification::taxonomy::MessageType;
use dispatch_mission::signal::Source;
use dispatch_mission::zone::Zone;
use time::{OffsetDateTime, PrimitiveDateTime, Weekday};

/// What is known about a message besides its meaning. What is not known meets no condition that asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circumstances<'a> {
    /// By which door it came in.
    pub source: Option<Source>,
    /// Slack team id, or Twilio account.
    pub workspace: Option<&'a str>,
    /// Slack channel id, or our own number.
    pub channel: Option<&'a str>,
    /// Slack user id, or phone number.
    pub author: Option<&'a str>,
    /// When it was written, as the clock on the brokerage's wall shows it: of a burst, its first message.
    pub at: PrimitiveDateTime,
    /// What came with it.
    pub files: Files,
}

/// What came with a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Files {
    /// Nothing.
    None,
    /// Files, and words about them.
    WithWords,
    /// Files alone.
    Alone,
}

impl<'a> Circumstances<'a> {
    /// Those of a unit.
    #[must_use]
    pub fn of_unit(unit: &'a ClaimedUnit, zone: &Zone) -> Self {
        let has_files = unit.members.iter().any(|member| !member.attachments.is_empty());
        let at = unit.members.first().map_or(OffsetDateTime::UNIX_EPOCH, |first| first.at);
        if unit.conversation.source == Source::Api {
            return Self::of_text(Source::parse(&unit.conversation.workspace), at, zone);
        }
        Self {
            source: Some(unit.conversation.source),
            workspace: Some(&unit.conversation.workspace),
            channel: Some(&unit.conversation.channel),
            author: Some(&unit.author),
            at: zone.wall_time(at),
            files: match has_files {
                false => Files::None,
                true if unit.is_wordless() => Files::Alone,
                true => Files::WithWords,
            },
        }
    }

    /// Those of a text that somebody asks about: nobody knows who wrote it in which channel.
    #[must_use]
    pub fn of_text(source: Option<Source>, said_at: OffsetDateTime, zone: &Zone) -> Self {
        let at = zone.wall_time(said_at);
        Self { source, workspace: None, channel: None, author: None, at, files: Files::None }
    }
}

/// What a rule is tried on.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)] // named by their types
pub struct Facts<'a> {
    pub meaning: Meaning,
    /// 0 to 1.
    pub confidence: f32,
    pub circumstances: Circumstances<'a>,
}

impl<'a> Facts<'a> {
    /// What was understood, and under which circumstances.
    #[must_use]
    pub fn new(classification: &Classification, circumstances: Circumstances<'a>) -> Self {
        Self { meaning: classification.meaning, confidence: classification.confidence.get(), circumstances }
    }
}

/// One condition. Where it names several values, one of them is enough.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // as in the file
pub enum Condition {
    Type(Vec<MessageType>),
    /// Of a GROUP or a STRAY, and of nothing else.
    Key(Vec<Meaning>),
    Confidence(Band),
    Source(Vec<Source>),
    Workspace(Vec<String>),
    Channel(Vec<String>),
    Author(Vec<String>),
    Time(Vec<Hours>),
    Weekday(Vec<Weekday>),
    Wordless(bool),
    Attachments(bool),
}

/// A range of confidences, its end excluded.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[allow(missing_docs)] // as in the file
pub struct Band {
    pub at_least: Option<Bound>,
    pub below: Option<Bound>,
}

/// An end of a [`Band`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bound {
    /// This number, from 0 to 1.
    Number(f32),
    /// The policy's threshold, whatever it is.
    Threshold,
}

impl Bound {
    /// The number, where the policy's threshold is `threshold`.
    #[must_use]
    pub fn get(self, threshold: f32) -> f32 {
        if let Self::Number(number) = self { number } else { threshold }
    }
}

impl Band {
    fn holds(self, confidence: f32, threshold: f32) -> bool {
        self.at_least.is_none_or(|bound| confidence >= bound.get(threshold))
            && self.below.is_none_or(|bound| confidence < bound.get(threshold))
    }
}

/// Hours of a day by the clock on the wall, in minutes since midnight; its end excluded. Past midnight where it ends before
/// it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // said above
pub struct Hours {
    pub from: u16,
    pub until: u16,
}

impl Hours {
    /// Whether that minute of a day is among them.
    #[must_use]
    pub fn include(self, minute: u16) -> bool {
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

impl Condition {
    /// Whether it is so.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>, threshold: f32) -> bool {
        let around = &facts.circumstances;
        match self {
            Self::Type(types) => types.contains(&facts.meaning.message_type()),
            Self::Key(keys) => keys.contains(&facts.meaning),
            Self::Confidence(band) => band.holds(facts.confidence, threshold),
            Self::Source(sources) => around.source.is_some_and(|source| sources.contains(&source)),
            Self::Workspace(names) => is_among(around.workspace, names),
            Self::Channel(names) => is_among(around.channel, names),
            Self::Author(names) => is_among(around.author, names),
            Self::Time(hours) => {
                let minute = u16::from(around.at.hour()) * 60 + u16::from(around.at.minute());
                hours.iter().any(|hours| hours.include(minute))
            }
            Self::Weekday(days) => days.contains(&around.at.weekday()),
            Self::Wordless(wanted) => (around.files == Files::Alone) == *wanted,
            Self::Attachments(wanted) => (around.files != Files::None) == *wanted,
        }
    }
}

fn is_among(name: Option<&str>, names: &[String]) -> bool {
    name.is_some_and(|name| names.iter().any(|one| one == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_end_before_their_end_and_may_pass_midnight() {
        let (day, night) = (Hours { from: 8 * 60, until: 18 * 60 }, Hours { from: 22 * 60, until: 6 * 60 });
        for (minute, by_day, by_night) in
            [(479, false, false), (480, true, false), (1080, false, false), (1320, false, true), (359, false, true)]
        {
            assert_eq!((day.include(minute), night.include(minute)), (by_day, by_night), "{minute}");
        }
    }
}
