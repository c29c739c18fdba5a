//! The span of time that a question speaks of, in local days. Must not know what happened in it.

use super::tokens::Reading;
use dispatch_classification::local::reading::NamedDay;
use time::{Date, Duration, Month, Weekday};

/// A span of days, both included; an open end is no bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct When {
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    /// As people say it: `today`, `this week`.
    pub(crate) said: String,
}

impl When {
    fn new(from: impl Into<Option<Date>>, to: impl Into<Option<Date>>, said: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), said: said.into() }
    }
}

/// Reads it. `behind` says that the question is about what has happened: then "Friday" is the last one.
pub(super) fn when(reading: &Reading, today: Date, behind: bool) -> Option<When> {
    let words: Vec<&str> = reading.words.iter().map(|word| word.text.as_str()).collect();
    named(reading, &words, today, behind).or_else(|| counted(&words, today)).or_else(|| of_calendar(&words, today))
}

/// "today", "since Monday", "between Nov 3 and Nov 9".
fn named(reading: &Reading, words: &[&str], today: Date, behind: bool) -> Option<When> {
    let at = words.iter().position(|word| *word == "@day")?;
    let first = settled(reading.days.first()?, today, behind);
    let before = |n: usize| at.checked_sub(n).map_or("", |at| words[at]);
    if let (Some(second), Some(joint)) = (reading.days.get(1), words.get(at + 1)) {
        let second = settled(second, today, behind);
        if ["and", "to", "till", "until", "through"].contains(joint)
            && words.get(at + 2) == Some(&"@day")
            && first <= second
        {
            return Some(When::new(first, second, format!("from {} to {}", said(first, today), said(second, today))));
        }
    }
    let day = said(first, today);
    Some(match before(1) {
        "since" | "from" => When::new(first, None, format!("since {day}")),
        "after" => When::new(next(first), None, format!("after {day}")),
        "before" => When::new(None, first.previous_day(), format!("before {day}")),
        "by" | "until" | "till" | "through" => When::new(None, first, format!("by {day}")),
        _ => When::new(first, first, day),
    })
}

/// The day that is meant: a weekday alone is the last one in the past and the next one in the future.
fn settled(day: &NamedDay, today: Date, behind: bool) -> Date {
    let date = day.date;
    if date <= today || !(behind || day.past) {
        return date;
    }
    if day.weekday.is_some() {
        let back = date.saturating_sub(Duration::WEEK);
        return if back > today { back.saturating_sub(Duration::WEEK) } else { back };
    }
    // "Nov 30", said on Nov 23 about what has happened, is last year's.
    if date - today > Duration::days(60) { date.replace_year(date.year() - 1).unwrap_or(date) } else { date }
}

/// "the last 3 days", "next two weeks".
fn counted(words: &[&str], today: Date) -> Option<When> {
    const NUMBERS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    words.windows(3).find_map(|three| {
        let count = three[1]
            .parse::<i64>()
            .ok()
            .or_else(|| NUMBERS.iter().position(|number| *number == three[1]).and_then(|n| i64::try_from(n).ok()));
        let count = match (three[1], count) {
            ("few" | "couple", _) => 3,
            (_, count) => count.filter(|count| (1..=365).contains(count))?,
        };
        let days = match three[2] {
            "day" | "days" => count,
            "week" | "weeks" => count * 7,
            "month" | "months" => count * 30,
            "hour" | "hours" => (count + 23) / 24 + 1,
            _ => return None,
        };
        let said = format!("in the {} {} {}", three[0], three[1], three[2]);
        match three[0] {
            "last" | "past" | "previous" => {
                Some(When::new(today.saturating_sub(Duration::days(days - 1)), today, said))
            }
            "next" | "coming" => Some(When::new(today, today.saturating_add(Duration::days(days - 1)), said)),
            _ => None,
        }
    })
}

/// "this week", "last month", "this morning", "lately", "soon".
fn of_calendar(words: &[&str], today: Date) -> Option<When> {
    let said = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|found| found == phrase)
    };
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| said(phrase));
    let monday = today.saturating_sub(Duration::days(i64::from(today.weekday().number_days_from_monday())));
    let week = |weeks: i64, said: &str| {
        let monday = monday.saturating_add(Duration::weeks(weeks));
        When::new(monday, monday.saturating_add(Duration::days(6)), said)
    };
    let month = |months: i32, said: &str| {
        let at = today.year() * 12 + i32::from(u8::from(today.month())) - 1 + months;
        let month = Month::try_from(u8::try_from(at.rem_euclid(12) + 1).ok()?).ok()?;
        let first = Date::from_calendar_date(at.div_euclid(12), month, 1).ok()?;
        let last = first.replace_day(month.length(first.year())).ok()?;
        Some(When::new(first, last, said))
    };
    if any(&["last night"]) {
        let yesterday = today.saturating_sub(Duration::DAY);
        Some(When::new(yesterday, yesterday, "last night"))
    } else if any(&["last week", "past week", "previous week", "week before"]) {
        Some(week(-1, "last week"))
    } else if any(&["next week", "coming week", "following week"]) {
        Some(week(1, "next week"))
    } else if any(&["weekend"]) {
        let saturday =
            monday.saturating_add(Duration::days(5 - if any(&["last weekend", "past weekend"]) { 7 } else { 0 }));
        Some(When::new(
            saturday,
            saturday.saturating_add(Duration::DAY),
            if saturday < monday { "last weekend" } else { "this weekend" },
        ))
    } else if any(&["this week", "the week", "current week", "all week"]) {
        Some(week(0, "this week"))
    } else if any(&["last month", "past month", "previous month"]) {
        month(-1, "last month")
    } else if any(&["next month", "coming month"]) {
        month(1, "next month")
    } else if any(&["this month", "the month"]) {
        month(0, "this month")
    } else if any(&["this morning", "this afternoon", "this evening", "all day"]) {
        Some(When::new(today, today, "today"))
    } else if any(&["recently", "lately", "recent"]) {
        Some(When::new(today.saturating_sub(Duration::days(6)), today, "in the last 7 days"))
    } else if any(&["soon", "coming up", "upcoming"]) {
        Some(When::new(today, today.saturating_add(Duration::days(6)), "in the next 7 days"))
    } else {
        None
    }
}

fn next(day: Date) -> Date {
    day.next_day().unwrap_or(day)
}

/// `today`, `yesterday`, `tomorrow`, `on Fri Nov 27`.
fn said(day: Date, today: Date) -> String {
    const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    match (day - today).whole_days() {
        0 => return "today".to_owned(),
        -1 => return "yesterday".to_owned(),
        1 => return "tomorrow".to_owned(),
        _ => {}
    }
    let weekday: Weekday = day.weekday();
    let (weekday, month) =
        (WEEKDAYS[usize::from(weekday.number_days_from_monday())], MONTHS[usize::from(u8::from(day.month())) - 1]);
    let year = if day.year() == today.year() { String::new() } else { format!(" {}", day.year()) };
    format!("{weekday} {month} {}{year}", day.day())
}
