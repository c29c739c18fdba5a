//! The closed vocabularies of the policy on the wire.

use serde::Serialize;
use time::Weekday;
use utoipa::ToSchema;

/// Where a policy is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicySource, example = "file")]
#[serde(rename_all = "snake_case")]
pub enum PolicySourceDto {
    /// `DISPATCH_POLICY` names a file.
    File,
    /// It is the one of this build.
    BuiltIn,
}

/// Where the threshold is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = ThresholdSource, example = "policy")]
#[serde(rename_all = "snake_case")]
pub enum ThresholdSourceDto {
    /// The policy says so.
    Policy,
    /// `AUTO_DISPATCH_THRESHOLD` says so.
    Environment,
}

/// What a rule does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = PolicyAction, example = "send")]
#[serde(rename_all = "snake_case")]
pub enum RuleActionDto {
    /// It sends; below its threshold, it holds.
    Send,
    /// It holds for a person.
    Hold,
    /// It does nothing.
    Nothing,
}

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Weekday, example = "mon")]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum WeekdayDto {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl From<Weekday> for WeekdayDto {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}
