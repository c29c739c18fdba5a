//! `90d`: how long a key counts, as people write it. Must not know what day it is.

use time::Duration;

/// A key for longer is a key for ever.
const LONGEST: Duration = Duration::days(3650);

/// Reads a whole number of hours (`h`), days (`d`) or weeks (`w`).
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a time such as 12h, 90d or 2w, ten years at most".to_owned();
    let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let number: i64 = number.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(wrong)?;
    let time = match unit {
        "h" => Duration::hours(number),
        "d" => Duration::days(number),
        "w" => Duration::weeks(number),
        _ => return Err(wrong()),
    };
    if time <= LONGEST { Ok(time) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_days_and_weeks_are_read() {
        for (text, time) in [("12h", Duration::hours(12)), ("90d", Duration::days(90)), ("2w", Duration::weeks(2))] {
            assert_eq!(parse(text), Ok(time));
        }
        for wrong in ["", "d", "90", "0d", "-1d", "1.5d", "90 d", "90D", "3651d", "1y", "99999999999999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
