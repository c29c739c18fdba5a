//! `CUTOVER_QUIET_HOURS`: when a cut-over disturbs the fewest. Must not know what is done in them.

use super::reader::Reader;
use std::fmt;
use std::str::FromStr;
use time::Time;

/// Hours of the day by the wall clock of `DISPATCH_TIMEZONE`, the end excluded; past midnight too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietHours {
    from: u16,
    until: u16,
}

impl QuietHours {
    /// Between three and four in the morning.
    pub const DEFAULT: Self = Self { from: 3 * 60, until: 4 * 60 };

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        reader.parsed("CUTOVER_QUIET_HOURS", Self::DEFAULT, |_| true, "hours such as 22:00-05:30")
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contain(self, at: Time) -> bool {
        let at = u16::from(at.hour()) * 60 + u16::from(at.minute());
        if self.from < self.until { (self.from..self.until).contains(&at) } else { at >= self.from || at < self.until }
    }
}

impl FromStr for QuietHours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let number = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
            let (hour, minute) = (number(hour)?, number(minute)?);
            (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
        };
        let read = |text: &str| {
            let (from, until) = text.trim().split_once('-')?;
            let hours = Self { from: minute(from)?, until: minute(until)? };
            (hours.from != hours.until && hours.from < 24 * 60 && hours.until > 0).then_some(hours)
        };
        read(text).ok_or_else(|| format!("{text:?} are no hours: say 03:00-04:00 or 22:00-05:30"))
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::time;

    #[test]
    fn hours_end_before_their_end_and_go_past_midnight() {
        let night: QuietHours = "22:00-05:30".parse().expect("hours");
        assert!(night.contain(time!(22:00)) && night.contain(time!(00:00)) && night.contain(time!(05:29)));
        assert!(!night.contain(time!(05:30)) && !night.contain(time!(21:59)));
        let late = QuietHours::DEFAULT;
        assert!(late.contain(time!(03:00)) && !late.contain(time!(04:00)));
        assert_eq!((late.to_string(), night.to_string()), ("03:00-04:00".to_owned(), "22:00-05:30".to_owned()));
        for wrong in ["", "3-4", "03:00", "03:00-03:00", "03:60-04:00", "25:00-26:00", "04:00-00:00"] {
            assert!(wrong.parse::<QuietHours>().is_err(), "{wrong}");
        }
    }
}
