//! Calendar arithmetic for the way people name days. Must not know text: it is given numbers, never words.

use time::{Date, Duration, Month, Weekday};

/// The next such weekday, today included.
pub(super) fn on_or_after(day: Date, weekday: Weekday) -> Date {
    let ahead =
        (7 + i64::from(weekday.number_days_from_monday()) - i64::from(day.weekday().number_days_from_monday())) % 7;
    day.saturating_add(Duration::days(ahead))
}

/// That weekday in the Monday-to-Sunday week after the one of `day`.
pub(super) fn in_following_week(day: Date, weekday: Weekday) -> Date {
    let since_monday = i64::from(day.weekday().number_days_from_monday());
    day.saturating_add(Duration::days(7 - since_monday + i64::from(weekday.number_days_from_monday())))
}

/// The next such day of the year, today included; 29 February waits for a leap year.
pub(super) fn month_day(today: Date, month: u8, day: u8) -> Option<Date> {
    let month = Month::try_from(month).ok()?;
    (today.year()..=today.year() + 8)
        .filter_map(|year| Date::from_calendar_date(year, month, day).ok())
        .find(|date| *date >= today)
}

/// The next such day of a month, today included; the 31st skips short months.
pub(super) fn day_of_month(today: Date, day: u8) -> Option<Date> {
    let mut month = today.replace_day(1).ok()?;
    for _ in 0..3 {
        if let Some(date) = month.replace_day(day).ok().filter(|date| *date >= today) {
            return Some(date);
        }
        month = month.saturating_add(Duration::days(31)).replace_day(1).ok()?;
    }
    None
}

/// The last day of the month of `day`.
pub(super) fn end_of_month(day: Date) -> Option<Date> {
    day.replace_day(day.month().length(day.year())).ok()
}

/// The same day some months on, or the last one that month has.
pub(super) fn months_later(day: Date, months: u32) -> Option<Date> {
    let mut first = day.replace_day(1).ok()?;
    for _ in 0..months.min(60) {
        first = first.saturating_add(Duration::days(31)).replace_day(1).ok()?;
    }
    first.replace_day(day.day().min(first.month().length(first.year()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn weekdays() {
        let wednesday = date!(2026 - 11 - 25);
        assert_eq!(on_or_after(wednesday, Weekday::Wednesday), wednesday);
        assert_eq!(on_or_after(wednesday, Weekday::Tuesday), date!(2026 - 12 - 01));
        assert_eq!(in_following_week(wednesday, Weekday::Friday), date!(2026 - 12 - 04));
        assert_eq!(in_following_week(date!(2026 - 11 - 29), Weekday::Monday), date!(2026 - 11 - 30));
    }

    #[test]
    fn days_without_a_year_or_month() {
        assert_eq!(month_day(date!(2026 - 12 - 20), 1, 5), Some(date!(2027 - 01 - 05)));
        assert_eq!(month_day(date!(2026 - 12 - 20), 2, 29), Some(date!(2028 - 02 - 29)));
        assert_eq!(month_day(date!(2026 - 12 - 20), 2, 30), None);
        assert_eq!(day_of_month(date!(2026 - 01 - 30), 30), Some(date!(2026 - 01 - 30)));
        assert_eq!(day_of_month(date!(2026 - 01 - 31), 30), Some(date!(2026 - 03 - 30)));
        assert_eq!(end_of_month(date!(2028 - 02 - 03)), Some(date!(2028 - 02 - 29)));
        assert_eq!(months_later(date!(2026 - 01 - 31), 1), Some(date!(2026 - 02 - 28)));
    }
}
