//! When the work is due, as the message says it: one wall time or none. Must not know what the work is.

mod calendar;
pub(super) mod days;
mod phrases;
mod shorthand;
#[cfg(test)]
mod tests;
mod times;

use super::text::floor;
use days::Day;
use phrases::{
    AFTER_DEADLINE, BEFORE_DEADLINE, BEFORE_PAST, BY_BARE, CHOICE, INSTEAD_OF, INTRODUCES_TIME, OUT_BY, REPORTED,
    TAKEN_BACK, TOLD_LATER,
};
use time::{PrimitiveDateTime, Time};
use times::Clock;

/// End of business, when no time is given.
const END_OF_BUSINESS: Time = time::macros::time!(17:00);

/// What may stand between a day and its time.
const JOINING: [&str; 33] = [
    "",
    "at",
    "by",
    "before",
    "b4",
    "works after",
    "after",
    "around",
    "from",
    "on",
    "a",
    "a las",
    "le",
    "morning at",
    "between",
    "only between",
    "this",
    "the",
    "eve",
    "evening",
    "night",
    "from the",
    "afternoon at",
    "afternoon",
    "morning",
    "and",
    "of",
    "vers",
    "only",
    "entre",
    "de",
    "start",
    "for",
];

/// Those after which a bare number is a time.
const BEFORE_BARE: [&str; 12] =
    ["at", "by", "before", "after", "around", "from", "between", "only between", "works after", "entre", "a las", "b4"];

/// What a unit says about its due date.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Due {
    /// The wall time, when there is exactly one.
    pub(super) at: Option<PrimitiveDateTime>,
    /// It was called a deadline.
    pub(super) deadline: bool,
    /// Why there is none although dates were named.
    pub(super) problem: Option<&'static str>,
}

/// A day, perhaps with a time, and the part it plays.
#[derive(Clone, Copy, Debug)]
struct Mention {
    start: usize,
    end: usize,
    at: PrimitiveDateTime,
    timed: bool,
    deadline: bool,
    past: bool,
    mismatch: bool,
}

/// The due date of one utterance, written at the wall time `now`. `folded` is the text as cues see it.
pub(super) fn due(folded: &str, now: PrimitiveDateTime) -> Due {
    let folded = &shorthand::written_out(folded);
    choose(folded, &mentions(folded, now))
}

/// One due date for a burst, whose utterances were each read by their own clock: a deadline wins, then the only date.
pub(super) fn of_unit(dues: Vec<Due>) -> Due {
    let problem = dues.iter().find_map(|due| due.problem);
    let deadline = dues.iter().any(|due| due.deadline);
    let mut dated: Vec<Due> = dues.into_iter().filter(|due| due.at.is_some() && due.deadline == deadline).collect();
    dated.dedup_by_key(|due| due.at);
    match dated.len() {
        0 => Due { problem, ..Due::default() },
        1 => dated.remove(0),
        _ => Due { problem: Some("several dates in one burst"), ..Due::default() },
    }
}

fn mentions(folded: &str, now: PrimitiveDateTime) -> Vec<Mention> {
    let days = days::find(folded, now.date());
    let clocks: Vec<Clock> = times::find(folded)
        .into_iter()
        .filter(|clock| days.iter().all(|day| clock.end <= day.start || clock.start >= day.end))
        .collect();
    let mut used = vec![false; clocks.len()];
    let mut mentions = Vec::new();
    let mut rest = days.iter().peekable();
    while let Some(day) = rest.next() {
        let mut day = *day;
        let mut mismatch = false;
        // "Wednesday, Aug 28th" is one day named twice.
        if let (Some(weekday), Some(next)) = (day.by_weekday, rest.peek()) {
            let gap = folded[day.end..next.start].trim_matches([' ', ',', '.', '(']);
            if next.by_weekday.is_none() && next.start - day.end <= 6 && matches!(gap, "" | "the" | "le" | "el") {
                mismatch = next.date.weekday() != weekday;
                day = Day { start: day.start, ..**next };
                rest.next();
            }
        }
        let clock = nearest(folded, &day, &clocks, &used);
        if let Some(at) = clock {
            used[at] = true;
        }
        mentions.push(mention(folded, now, day, clock.map(|at| clocks[at]), mismatch));
    }
    let stands = |clock: &Clock| {
        let rest = &folded[clock.end..];
        let ends = rest.is_empty() || rest.starts_with(['.', ',', '!', '?', '\n', ';', ')']);
        !clock.bare || (ends && BY_BARE.is_match(&folded[..clock.start]))
    };
    let alone = clocks.iter().zip(&used).filter(|(clock, used)| !**used && stands(clock)).map(|(clock, _)| clock);
    for clock in alone {
        let today =
            Day { start: clock.start, end: clock.end, date: now.date(), by_weekday: None, past: false, limit: false };
        let mention = mention(folded, now, today, Some(*clock), false);
        // Without a day, a time is of today only when work is due then.
        let someone_leaves = OUT_BY.is_match(&folded[..clock.start]);
        if (mention.deadline && (!someone_leaves || days.iter().all(|day| day.past)))
            || (days.is_empty() && !mention.past && folded[..clock.start].trim_end().ends_with(" at"))
        {
            mentions.push(mention);
        }
    }
    mentions
}

/// The time that belongs to `day`: the closest one in the same breath.
fn nearest(folded: &str, day: &Day, clocks: &[Clock], used: &[bool]) -> Option<usize> {
    let gap_of = |clock: &Clock| {
        let gap = if clock.start >= day.end { &folded[day.end..clock.start] } else { &folded[clock.end..day.start] };
        let after = clock.start >= day.end;
        let words = gap.trim_matches([' ', ',', '@', '(', '-', ':']);
        // "before the 2pm training today"
        let named = !after && !clock.bare && words.len() <= 10 && words.chars().all(char::is_alphabetic);
        let close = named || (JOINING.contains(&words) && !(words == "and" && clock.bare));
        // A bare number is a time only right after a day, or after "at".
        let bare_ok = !clock.bare
            || (after && BEFORE_BARE.contains(&words))
            || (after
                && words.is_empty()
                && (folded[clock.end..].is_empty()
                    || folded[clock.end..].starts_with(['.', ',', '!', '?', '\n', ';', ')'])))
            || folded[clock.start..clock.end].contains(['-'])
            || (!after && folded[..clock.start].trim_end().ends_with(" at"))
            || (!after && INTRODUCES_TIME.is_match(&folded[..clock.start]));
        (close && bare_ok && gap.len() <= 18).then_some(gap.len())
    };
    clocks
        .iter()
        .enumerate()
        .filter(|(at, _)| !used[*at])
        .filter_map(|(at, clock)| gap_of(clock).map(|gap| (gap, at)))
        .min()
        .map(|(_, at)| at)
}

fn mention(folded: &str, now: PrimitiveDateTime, day: Day, clock: Option<Clock>, mismatch: bool) -> Mention {
    let start = clock.map_or(day.start, |clock| clock.start.min(day.start));
    let end = clock.map_or(day.end, |clock| clock.end.max(day.end));
    let time = clock.map_or(END_OF_BUSINESS, |clock| clock.time);
    let mut at = PrimitiveDateTime::new(day.date, time);
    let limit = day.limit || clock.is_some_and(|clock| clock.limit);
    let before = |at: usize| &folded[floor(folded, at.saturating_sub(48))..at];
    let deadline = limit
        || BEFORE_DEADLINE.is_match(before(start))
        || BEFORE_DEADLINE.is_match(before(day.start))
        || starts_as_deadline(&folded[day.start..day.end])
        || AFTER_DEADLINE.is_match(&folded[end..]);
    let timed = clock.is_some_and(|clock| !clock.limit);
    if timed
        && at < now
        && let Some(weekday) = day.by_weekday
    {
        at = PrimitiveDateTime::new(
            calendar::in_following_week(now.date(), weekday).min(day.date.saturating_add(time::Duration::WEEK)),
            time,
        );
    }
    let behind = timed && at < now && !deadline;
    let reported = !timed && folded[day.start..day.end].starts_with("today") && REPORTED.is_match(before(day.start))
        || TOLD_LATER.is_match(before(day.start));
    let past = day.past
        || behind
        || INSTEAD_OF.is_match(before(start))
        || (!deadline && reported)
        || (!deadline && BEFORE_PAST.is_match(before(start)));
    Mention { start, end, at, timed, deadline, past, mismatch }
}

/// The day's own words carry the limit: "by the 30th", "avant le 4".
fn starts_as_deadline(words: &str) -> bool {
    ["by ", "before ", "b4 ", "avant ", "pour ", "d'ici ", "antes ", "para "].iter().any(|word| words.starts_with(word))
}

/// One wall time out of all that was named: a deadline wins, else the single coming one.
fn choose(folded: &str, mentions: &[Mention]) -> Due {
    let live: Vec<&Mention> = mentions.iter().filter(|m| !m.past && !taken_back(folded, m, mentions)).collect();
    let none = |problem| Due { problem: Some(problem), ..Due::default() };
    let choice = live.windows(2).any(|pair| {
        pair[0].at != pair[1].at && pair[0].end <= pair[1].start && CHOICE.is_match(&folded[pair[0].end..pair[1].start])
    });
    if choice {
        return none("contradictory dates: it is one or the other");
    }
    let mut deadlines: Vec<&Mention> = live.iter().copied().filter(|m| m.deadline).collect();
    let deadline = !deadlines.is_empty();
    if !deadline {
        deadlines = live;
    }
    if deadlines.iter().any(|m| m.mismatch) {
        return none("contradictory date: the weekday does not match the day");
    }
    // The same day said twice is one date; the mention with a time is the exact one.
    let Some(first) = deadlines.iter().find(|m| m.timed).or(deadlines.first()) else { return Due::default() };
    if deadlines.iter().any(|m| m.at != first.at && (m.timed || m.at.date() != first.at.date())) {
        return none(if deadline { "contradictory deadlines" } else { "several dates, none of them a deadline" });
    }
    Due { at: Some(first.at), deadline, problem: None }
}

/// Whether the author withdrew it: "Friday… wait no, Monday".
fn taken_back(folded: &str, mention: &Mention, all: &[Mention]) -> bool {
    let rest = &folded[mention.end..];
    TAKEN_BACK.find(rest).is_some_and(|found| {
        let word = found.as_str();
        let later =
            all.iter().any(|m| m.start >= mention.end + found.end() && m.start - mention.end - found.end() < 30);
        let strong = word.starts_with("wait")
            || word.starts_with("no")
            || word.contains("removed")
            || word.starts_with("scratch");
        found.start() < 60 && (later || (strong && !word.starts_with("nobody")))
    })
}
