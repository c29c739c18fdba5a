//! Addresses and days in any text, for those who read questions instead of messages. Must not know what is asked.

use super::dates::days;
pub use super::text::folded;
use time::{Date, Weekday};

/// A day as a text names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedDay {
    /// Where its words begin in the text, in bytes.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// The day; for a weekday the coming one.
    pub date: Date,
    /// The weekday, where it is named by that alone.
    pub weekday: Option<Weekday>,
    /// Said to lie behind: "last Friday".
    pub past: bool,
}

/// The address that `text` speaks of, as written; none where it wavers between two.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    super::address::address(text)
}

/// The days that `folded` text names, in order. `today` is the day of writing.
#[must_use]
pub fn days(folded: &str, today: Date) -> Vec<NamedDay> {
    let named = |day: days::Day| NamedDay {
        start: day.start,
        end: day.end,
        date: day.date,
        weekday: day.by_weekday,
        past: day.past,
    };
    days::find(folded, today).into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn questions_are_read_like_messages() {
        assert_eq!(address("who has the lockbox at 44 Birch Rd?").as_deref(), Some("44 Birch Rd"));
        let today = date!(2026 - 11 - 23);
        let found = days("what did sam claim last friday and on nov 25", today);
        let seen: Vec<_> = found.iter().map(|day| (day.date, day.weekday, day.past)).collect();
        assert_eq!(seen, [(date!(2026 - 11 - 27), Some(Weekday::Friday), true), (date!(2026 - 11 - 25), None, false)]);
    }
}
