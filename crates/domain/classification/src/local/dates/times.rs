//! Finds the times of day a message names. Must not know days.

use regex::Regex;
use std::sync::LazyLock;
use time::Time;

/// A time as named in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) time: Time,
    /// "EOD": a limit by itself, and the end of business rather than a stated minute.
    pub(super) limit: bool,
    /// A bare number, which is a time only beside a day: "Saturday, 11".
    pub(super) bare: bool,
}

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let half = r"(?:a\.?m\.?|p\.?m\.?)";
    Regex::new(&format!(
        r"(?x)
        (?P<eod> (?-u:\b)(?:eod|cob|eob|end\ of\ (?:the\ )?(?:business\ )?day|close\ of\ business|fin\ de\ (?:la\ )?journee|final\ del\ dia)(?-u:\b) | 下班前 )
        | (?P<noon> (?-u:\b)(?:noon|midi|mediodia|12\ ?noon)(?-u:\b) | 中午 )
        | (?P<midnight> (?-u:\b)(?:midnight|minuit|medianoche)(?-u:\b) )
        | (?-u:\b)(?P<fh>[0-9]{{1,2}})\ ?h\ ?(?P<fm>[0-5][0-9])?(?-u:\b)
        | (?P<zpart>上午|早上|下午|晚上|中午)?(?P<zh>[0-9]{{1,2}})[点點](?P<zhalf>半)?
        | (?-u:\b)(?:(?P<between>between|from|de|entre)\ )?(?P<h>[0-9]{{1,2}})(?:[:.](?P<m>[0-5][0-9]))?(?:\ ?(?P<half>{half}))?
          (?P<range>\ ?(?:-|to|and|a|y|et|&)\ ?(?P<h2>[0-9]{{1,2}})(?:[:.][0-5][0-9])?(?:\ ?(?P<half2>{half}))?)?(?-u:\b)
        "
    ))
    .expect("a valid pattern")
});

/// All times named in `folded`, in order.
pub(super) fn find(folded: &str) -> Vec<Clock> {
    TIME.captures_iter(folded)
        .take(60)
        .filter_map(|found| {
            let whole = found.get(0)?;
            let at = |hour: u8, minute: u8| Time::from_hms(hour, minute, 0).ok();
            let clock = |time: Time| Clock { start: whole.start(), end: whole.end(), time, limit: false, bare: false };
            let number = |name: &str| found.name(name).and_then(|m| m.as_str().parse::<u8>().ok());
            if found.name("eod").is_some() {
                return Some(Clock { limit: true, ..clock(at(17, 0)?) });
            }
            if found.name("noon").is_some() {
                return at(12, 0).map(clock);
            }
            if found.name("midnight").is_some() {
                return at(23, 59).map(clock);
            }
            if let Some(hour) = number("fh") {
                let after = folded[whole.end()..].trim_start();
                return (hour >= 7 && !after.starts_with("turn"))
                    .then(|| at(hour, number("fm").unwrap_or(0)))?
                    .map(clock);
            }
            if let Some(hour) = number("zh") {
                let afternoon = found.name("zpart").is_some_and(|m| matches!(m.as_str(), "下午" | "晚上"));
                let hour = if afternoon && hour < 12 { hour + 12 } else { business(hour) };
                return at(hour, if found.name("zhalf").is_some() { 30 } else { 0 }).map(clock);
            }
            let (hour, minute) = (number("h")?, number("m"));
            let half = found.name("half").or(found.name("half2")).map(|m| m.as_str().starts_with('p'));
            let dotted = found.name("m").is_some_and(|m| folded[..m.start()].ends_with('.'));
            if dotted && half.is_none() {
                return None;
            }
            let sound = if half.is_some() { (1..=12).contains(&hour) } else { hour < 24 };
            if !sound || is_quantity(folded, whole.start(), whole.end()) {
                return None;
            }
            let hour = match half {
                // "11-1pm": the start is still in the morning
                Some(true)
                    if found.name("half").is_none() && number("h2").is_some_and(|end| hour > end && hour != 12) =>
                {
                    hour
                }
                Some(true) => hour % 12 + 12,
                Some(false) => hour % 12,
                None => business(hour),
            };
            let bare = half.is_none() && minute.is_none();
            Some(Clock { bare, ..clock(at(hour, minute.unwrap_or(0))?) })
        })
        .collect()
}

/// The hour people mean without saying morning or afternoon: nobody books a showing at four in the night.
fn business(hour: u8) -> u8 {
    if (1..=7).contains(&hour) { hour + 12 } else { hour }
}

/// Whether the digits belong to money, a fraction, a unit or a longer number.
fn is_quantity(folded: &str, start: usize, end: usize) -> bool {
    let before = folded[..start].chars().next_back();
    let mut after = folded[end..].chars();
    let next = after.next();
    before.is_some_and(|c| "$#/.,-+:".contains(c) && !(c == '.' && start < 2) || c.is_ascii_alphanumeric())
        || next.is_some_and(|c| "%/-+'\"".contains(c) || c.is_ascii_alphanumeric())
        || (next.is_some_and(|c| ".,:".contains(c)) && after.next().is_some_and(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::time;

    #[test]
    fn reads_times_as_people_write_them() {
        for (text, expected) in [
            ("at 5pm", Some(time!(17:00))),
            ("at 5 p.m.", Some(time!(17:00))),
            ("9am", Some(time!(9:00))),
            ("12am", Some(time!(0:00))),
            ("monday 4:30", Some(time!(16:30))),
            ("at 10:30", Some(time!(10:30))),
            ("dimanche 14h", Some(time!(14:00))),
            ("vers 9h30", Some(time!(9:30))),
            ("between 1 and 3", Some(time!(13:00))),
            ("10-1", Some(time!(10:00))),
            ("11-1pm", Some(time!(11:00))),
            ("2-4pm", Some(time!(14:00))),
            ("noon", Some(time!(12:00))),
            ("下午3点半", Some(time!(15:30))),
            ("eod", Some(time!(17:00))),
            ("$5", None),
            ("5%", None),
            ("2.25", None),
            ("1,180 sf", None),
            ("48h", None),
        ] {
            assert_eq!(find(text).first().map(|clock| clock.time), expected, "{text}");
        }
    }
}
