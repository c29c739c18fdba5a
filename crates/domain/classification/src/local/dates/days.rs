//! Finds the days a message names, in English, French, Spanish and Chinese. Must not know which of them is due.

use super::calendar;
use regex::{Captures, Regex};
use std::sync::LazyLock;
use time::{Date, Duration, Month, Weekday};

/// A day as named in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::local) struct Day {
    pub(in crate::local) start: usize,
    pub(in crate::local) end: usize,
    pub(in crate::local) date: Date,
    /// Named by weekday only, so a time that has passed means the next one.
    pub(in crate::local) by_weekday: Option<Weekday>,
    /// Said to lie behind: "yesterday", "last Friday", a year that is over.
    pub(in crate::local) past: bool,
    /// "EOW", "end of month": a limit by itself.
    pub(in crate::local) limit: bool,
}

const MONTHS: &str = "jan(?:uary|vier)?|enero|feb(?:ruary|rero)?|fevrier|fev|mar(?:ch|s|zo)?|apr(?:il)?|avril|abril|may|mai|mayo|june?|juin|junio|july?|juillet|julio|aug(?:ust)?|aout|agosto|sept?(?:ember|embre|iembre)?|oct(?:ober|obre|ubre)?|nov(?:ember|embre|iembre)?|dec(?:ember|embre)?|diciembre|dic";
const WEEKDAYS: &str = "mon(?:day|days)?|tue(?:s|sday)?|wed(?:s|nesday)?|wensday|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo";
const COUNTS: &str = r"\d{1,3}|an?|one|two|three|four|five|six|ten|une?|deux|trois|dos|tres|a couple(?: of)?";

struct Patterns {
    iso: Regex,
    month_first: Regex,
    day_first: Regex,
    slashed: Regex,
    weekday: Regex,
    nth: Regex,
    in_some: Regex,
    word: Regex,
    chinese_date: Regex,
    chinese_weekday: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let new = |pattern: &str| Regex::new(&pattern.replace(r"\d", "[0-9]")).expect("a valid pattern");
    Patterns {
        iso: new(r"(?-u:\b)(20\d\d)-(\d{1,2})-(\d{1,2})(?-u:\b)"),
        month_first: new(&format!(
            r"(?-u:\b)({MONTHS})\.? ?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?:,? (20\d\d))?(?-u:\b)"
        )),
        day_first: new(&format!(
            r"(?-u:\b)(\d{{1,2}})(?:st|nd|rd|th|er)?[ -](?:of |de |day of )?({MONTHS})(?:,? (?:de |del )?(20\d\d))?(?-u:\b)"
        )),
        slashed: new(r"(?-u:\b)(\d{1,2})/(\d{1,2})(?:/(20\d\d|\d\d))?(?-u:\b)"),
        weekday: new(&format!(
            r"(?-u:\b)(?:(next|this|coming|last|past|proximo|este|pasado|ce) )?({WEEKDAYS})(?-u:\b)(?: (prochain|dernier|que viene|next week|pasado))?"
        )),
        nth: new(
            r"(?-u:\b)(?:(?:the|on|by|before|b4|til|until) (\d{1,2})(?:st|nd|rd|th)|(?:avant le|pour le|d'ici le|le|el|antes del|para el|del) (\d{1,2}))(?-u:\b)|(\d{1,2})[号日]",
        ),
        in_some: new(&format!(
            r"(?-u:\b)(?:in|dans|en|dentro de|within(?: the next)?) ({COUNTS}) ?(?:business |working |more )?(days?|jours?|dias?|weeks?|wks?|semaines?|semanas?|months?|mois|mes|meses|hours?|hrs?|heures?|horas?)(?-u:\b)|(\d{{1,2}})(天|周|个星期|个月)[后内]"
        )),
        word: new(
            r"(?-u:\b)(?:day after (?:tomorrow|tmrw)|apres[- ]demain|pasado manana|(?:by |para |pour )?(?:tomorrow|tommorow|tomorow|tmrw|tmr|tmw|tmro|tomoro|2moro|2mrw|demain)|manana|today|tonight|tonite|aujourd'hui|ce soir|hoy|esta noche|yesterday|hier|ayer|end of (?:the |this )?(?:week|wk)|eow|end of next week|eonw|fin de semaine|end of (?:the |this )?month|eom|fin de mes|fin du mois)(?-u:\b)|后天|明天|明晚|今天|今晚|昨天|本周末|月底",
        ),
        chinese_date: new(r"(\d{1,2})月(\d{1,2})[日号]?"),
        chinese_weekday: new(r"(下个?)?(?:周|星期|礼拜)([一二三四五六日天])"),
    }
});

/// All days named in `folded`, in order, none overlapping; `today` is the day of writing.
pub(in crate::local) fn find(folded: &str, today: Date) -> Vec<Day> {
    let patterns = &*PATTERNS;
    let mut days = Vec::new();
    let mut collect = |pattern: &Regex, read: &dyn Fn(&Captures<'_>) -> Option<Day>| {
        days.extend(pattern.captures_iter(folded).take(40).filter_map(|found| {
            let whole = found.get(0)?;
            Some(Day { start: whole.start(), end: whole.end(), ..read(&found)? })
        }));
    };
    collect(&patterns.iso, &|f| exact(f[1].parse().ok()?, number(f, 2)?, number(f, 3)?, today));
    collect(&patterns.month_first, &|f| {
        let after = &folded[f.get(0)?.end()..];
        if after.starts_with('%')
            || after.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            || (after.starts_with('-') && &f[1] == "mar")
        {
            None
        } else {
            month_day(f, 1, 2, 3, today)
        }
    });
    collect(&patterns.day_first, &|f| {
        let modal = &f[2] == "may" && folded[f.get(0)?.end()..].trim_start().starts_with(['b', 'n', 'w', 'h']);
        if modal { None } else { month_day(f, 2, 1, 3, today) }
    });
    collect(&patterns.slashed, &|f| slashed(f, folded, today));
    collect(&patterns.chinese_date, &|f| Some(plain(calendar::month_day(today, number(f, 1)?, number(f, 2)?)?)));
    collect(&patterns.weekday, &|f| weekday(f, folded, today));
    collect(&patterns.chinese_weekday, &|f| {
        let day = "一二三四五六日".chars().position(|c| f[2].replace('天', "日").starts_with(c))?;
        let day = Weekday::Monday.nth_next(u8::try_from(day).ok()?);
        Some(if f.get(1).is_some() { plain(calendar::in_following_week(today, day)) } else { upcoming(today, day) })
    });
    collect(&patterns.in_some, &|f| in_some(f, today));
    collect(&patterns.word, &|f| word(&f[0], today));
    collect(&patterns.nth, &|f| nth(f, folded, today));
    without_overlaps(days)
}

/// Where two readings overlap, the one that was looked for first is the more specific one.
fn without_overlaps(days: Vec<Day>) -> Vec<Day> {
    let mut kept: Vec<Day> = Vec::new();
    for day in days {
        if kept.iter().all(|other| day.start >= other.end || day.end <= other.start) {
            kept.push(day);
        }
    }
    kept.sort_by_key(|day| day.start);
    kept
}

fn plain(date: Date) -> Day {
    Day { start: 0, end: 0, date, by_weekday: None, past: false, limit: false }
}

fn upcoming(today: Date, weekday: Weekday) -> Day {
    Day { by_weekday: Some(weekday), ..plain(calendar::on_or_after(today, weekday)) }
}

fn number(found: &Captures<'_>, group: usize) -> Option<u8> {
    found.get(group)?.as_str().parse().ok()
}

fn exact(year: i32, month: u8, day: u8, today: Date) -> Option<Day> {
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(Day { past: date < today, ..plain(date) })
}

fn month_day(found: &Captures<'_>, month: usize, day: usize, year: usize, today: Date) -> Option<Day> {
    let (month, day) = (month_number(&found[month])?, number(found, day)?);
    match found.get(year) {
        Some(year) => exact(year.as_str().parse().ok()?, month, day, today),
        None => calendar::month_day(today, month, day).map(plain),
    }
}

fn month_number(name: &str) -> Option<u8> {
    const STEMS: [&[&str]; 12] = [
        &["jan", "ene"],
        &["feb", "fev"],
        &["mar"],
        &["apr", "avr", "abr"],
        &["may", "mai"],
        &["jun", "juin"],
        &["jul", "juil"],
        &["aug", "aou", "ago"],
        &["sep"],
        &["oct"],
        &["nov"],
        &["dec", "dic"],
    ];
    let at = STEMS.iter().position(|stems| stems.iter().any(|stem| name.starts_with(stem)))?;
    u8::try_from(at + 1).ok()
}

/// Month before day, as Ontario's agents write it; 24/7, 50/50 and fractions are not dates.
fn slashed(found: &Captures<'_>, folded: &str, today: Date) -> Option<Day> {
    let (first, second) = (number(found, 1)?, number(found, 2)?);
    let after = folded[found.get(0)?.end()..].trim_start();
    let before = folded[..found.get(0)?.start()].trim_end();
    let fraction = matches!((first, second), (1, 2..=4) | (2 | 3, 3 | 4)) && found.get(3).is_none();
    if after.starts_with(['"', '\'', '%', '/', '-'])
        || before.ends_with(['/', '-', '$', '#'])
        || (fraction && !before.ends_with("by") && !before.ends_with("on"))
    {
        return None;
    }
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    if (first, second) == (24, 7) {
        return None;
    }
    match found.get(3) {
        Some(year) => {
            let year: i32 = year.as_str().parse().ok()?;
            exact(if year < 100 { 2000 + year } else { year }, month, day, today)
        }
        None => calendar::month_day(today, month, day).map(plain),
    }
}

fn weekday(found: &Captures<'_>, folded: &str, today: Date) -> Option<Day> {
    let name = &found[2];
    let weekday = weekday_named(name)?;
    let whole = found.get(0)?;
    let (before, after) = (&folded[..whole.start()], &folded[whole.end()..]);
    let is_word = match name {
        // "the sun", "he sat down", French "mon" (my)
        "sun" => before.trim_end().ends_with("the"),
        "sat" => {
            after.trim_start().starts_with(['d', 'i'])
                && !after.trim_start().starts_with("dec")
                && after.starts_with(" do")
        }
        "mon" => ["mon client", "mon dossier", "mon vendeur", "mon acheteur", "mon inscription"]
            .iter()
            .any(|w| folded[whole.start()..].starts_with(w)),
        _ => false,
    };
    if is_word || after.starts_with("'s closing gift") {
        return None;
    }
    let says = |group: usize, words: &[&str]| found.get(group).is_some_and(|m| words.contains(&m.as_str()));
    if says(1, &["last", "past", "pasado"]) || says(3, &["dernier", "pasado"]) {
        return Some(Day { past: true, ..upcoming(today, weekday) });
    }
    if says(1, &["next", "proximo"]) || says(3, &["prochain", "que viene", "next week"]) {
        return Some(plain(calendar::in_following_week(today, weekday)));
    }
    Some(upcoming(today, weekday))
}

fn weekday_named(name: &str) -> Option<Weekday> {
    const STEMS: [&[&str]; 7] = [
        &["mon", "lun"],
        &["tue", "mard", "marte"],
        &["wed", "wens", "mer", "mie"],
        &["thu", "jeu", "jue"],
        &["fri", "ven", "vie"],
        &["sat", "sam", "sab"],
        &["sun", "dim", "dom"],
    ];
    let at = STEMS.iter().position(|stems| stems.iter().any(|stem| name.starts_with(stem)))?;
    Some(Weekday::Monday.nth_next(u8::try_from(at).ok()?))
}

/// "the 30th", but not "the 5th floor" or "the 2nd offer".
fn nth(found: &Captures<'_>, folded: &str, today: Date) -> Option<Day> {
    const THINGS: [&str; 22] = [
        "floor", "fl", "line", "side", "st ", "street", "ave", "offer", "time", "conc", "show", "half", "one", "bed",
        "bath", "unit", "deposit", "visit", "year", "draft", "listing", "round",
    ];
    let day = number(found, 1).or_else(|| number(found, 2)).or_else(|| number(found, 3))?;
    let after = folded[found.get(0)?.end()..].trim_start();
    if THINGS.iter().any(|thing| after.starts_with(thing)) || after.starts_with(['0', '%']) {
        return None;
    }
    calendar::day_of_month(today, day).map(plain)
}

fn in_some(found: &Captures<'_>, today: Date) -> Option<Day> {
    let count = match found.get(1).or(found.get(3))?.as_str() {
        "a" | "an" | "one" | "un" | "une" => 1,
        "two" | "deux" | "dos" | "a couple" | "a couple of" => 2,
        "three" | "trois" | "tres" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "ten" => 10,
        digits => digits.parse::<u32>().ok()?,
    };
    if found[0].starts_with("within a") {
        return None; // "rented within a week" tells how fast it went
    }
    let unit = found.get(2).or(found.get(4))?.as_str();
    let date = if unit.starts_with(['h']) {
        today.saturating_add(Duration::days(i64::from(count.div_ceil(24)) - i64::from(count < 24)))
    } else if unit.starts_with("mo") || unit.starts_with("mes") || unit == "个月" {
        calendar::months_later(today, count)?
    } else if unit.starts_with(['w', 's', '周']) || unit == "个星期" {
        today.saturating_add(Duration::weeks(i64::from(count)))
    } else {
        today.saturating_add(Duration::days(i64::from(count)))
    };
    Some(plain(date))
}

fn word(text: &str, today: Date) -> Option<Day> {
    let text = text.trim_start_matches("by ").trim_start_matches("para ").trim_start_matches("pour ");
    let friday = || calendar::on_or_after(today, Weekday::Friday);
    Some(match text {
        "yesterday" | "hier" | "ayer" | "昨天" => Day { past: true, ..plain(today.saturating_sub(Duration::DAY)) },
        "today" | "tonight" | "tonite" | "aujourd'hui" | "ce soir" | "hoy" | "esta noche" | "今天" | "今晚" => {
            plain(today)
        }
        "apres-demain" | "apres demain" | "pasado manana" | "后天" => plain(today.saturating_add(Duration::days(2))),
        "end of next week" | "eonw" => {
            Day { limit: true, ..plain(calendar::in_following_week(today, Weekday::Friday)) }
        }
        "eom" | "fin de mes" | "fin du mois" | "月底" => Day { limit: true, ..plain(calendar::end_of_month(today)?) },
        text if text.starts_with("day after") => plain(today.saturating_add(Duration::days(2))),
        text if text.starts_with("end of") && text.ends_with("month") => {
            Day { limit: true, ..plain(calendar::end_of_month(today)?) }
        }
        text if text.starts_with("end of") || text == "eow" || text == "本周末" => {
            Day { limit: true, ..plain(friday()) }
        }
        "fin de semaine" => return None,
        _ => plain(today.saturating_add(Duration::DAY)),
    })
}
