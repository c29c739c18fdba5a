//! The words that questions are made of, and which of them a slip of the finger stands for. Must not know grammar.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Nothing is open there: people are shown around.
pub(super) const OPEN_HOUSE: &str = "open house";

/// Words that say what is asked. A misspelled word is read as one of these.
const ASKING: &[&str] = &[
    "accepted",
    "accomplish",
    "accomplished",
    "accomplishments",
    "active",
    "activities",
    "activity",
    "added",
    "address",
    "agenda",
    "approval",
    "approve",
    "arrive",
    "arrived",
    "asked",
    "assigned",
    "assignee",
    "available",
    "behind",
    "blocked",
    "calls",
    "canceled",
    "cancelled",
    "claim",
    "claimed",
    "claiming",
    "claims",
    "closed",
    "coming",
    "complete",
    "completed",
    "confirmation",
    "confirmations",
    "count",
    "created",
    "currently",
    "deadline",
    "deadlines",
    "decide",
    "decision",
    "decisions",
    "deliver",
    "delivered",
    "deliveries",
    "delivery",
    "doing",
    "done",
    "due",
    "errors",
    "event",
    "events",
    "everything",
    "exhausted",
    "expired",
    "failed",
    "failing",
    "failures",
    "finish",
    "finished",
    "free",
    "grab",
    "grabbed",
    "handed",
    "handled",
    "handles",
    "handling",
    "happened",
    "happening",
    "happens",
    "held",
    "help",
    "history",
    "hold",
    "holding",
    "homes",
    "house",
    "houses",
    "incomplete",
    "information",
    "items",
    "jobs",
    "late",
    "latest",
    "listed",
    "listing",
    "listings",
    "logged",
    "made",
    "message",
    "messaged",
    "messages",
    "mine",
    "missed",
    "missing",
    "mission",
    "missions",
    "month",
    "needs",
    "nobody",
    "opened",
    "open",
    "opens",
    "outstanding",
    "overdue",
    "owner",
    "owns",
    "pending",
    "picked",
    "plate",
    "progress",
    "properties",
    "property",
    "queue",
    "realtor",
    "realtors",
    "reason",
    "receipt",
    "receipts",
    "received",
    "recent",
    "recently",
    "remaining",
    "remains",
    "responsible",
    "retry",
    "review",
    "schedule",
    "scheduled",
    "sending",
    "signal",
    "signals",
    "slack",
    "someone",
    "staff",
    "started",
    "status",
    "story",
    "stuck",
    "task",
    "tasks",
    "team",
    "texted",
    "texts",
    "timeline",
    "today",
    "todo",
    "tomorrow",
    "trace",
    "unassigned",
    "unclaimed",
    "undelivered",
    "undone",
    "unfinished",
    "untaken",
    "upcoming",
    "waiting",
    "week",
    "weekend",
    "weeks",
    "working",
    "workload",
    "yesterday",
];

/// Days, which have to be right before days are looked for.
const DAYS: [&str; 10] =
    ["today", "tomorrow", "yesterday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Words that hold a question together, and short ones that ask.
const JOINING: &str = "
a about actually after again ago all almost already also am an and another any anybody anyone anything are around as ask at back be because
become been before being below best between big both bring bringing but by came can cant check come comes could cool currently
day days deal dear did didnt different do does doesn dont down each else entire ever every everybody everyone everything exactly
far fault few find first folks for from fully fyi get gets getting give given go goes going gone good got great guys had hand has
have having he hello her here hey hi him his hour hours how i id ids if im in info instead into is isnt it its item job just keep know
last lately left let lets like list ll log look looking lot ma made make makes man many may maybe me mention might morn more morning most
much must my myself name named names need needed needing never new newest next night no none not nothing now number of off
ok okay old on once one ones only onto or other others our ours out over own past person people phone place please pls plz
point present previous put ran re read really remember report right run runs said same sat saw say saying says see seen send
sent she shit should show showing showings since sitting sms so some somebody something soon sort sorry still stuff such
sure take taken takes taking talk tell text than thank thanks that thats the their them themselves then there these they
thing things think this those though through till time times to together told too took top total try two u under until up
update updates upon ur us use used user very via wait waits waiting want wanted wants was wasnt way we well went were wont what
whatever whats when where which while who whom whose why will wish with within without work works would write wrote written
ya yea yeah year yes yet you your yours three four five six seven eight nine ten dozen
afternoon evening tonight late early week weeks weekend month months days minutes minute mins ago half
plate queue hell heck damn quick quickly question info's ps hmm um uh so well lemme gimme wanna gonna gotta kind
dispatch system brokerage office agent agents client clients company anyone's everybody's someone's thx ty cheers bye
pick picks picking pickup grabs number numbers email contact details detail overview summary summarize summarise digest recap standing stand stands looks
drop dropped wrapped wrap closed close finishing accomplish able possible can't don't won't doesn't couldn't shouldn't
@id @address @day
";

/// Slips that are too short, or too far off, to be mended by counting letters.
const SLIPS: [(&str, &str); 42] = [
    ("opne", "open"),
    ("oepn", "open"),
    ("opn", "open"),
    ("oppen", "open"),
    ("hled", "held"),
    ("heldd", "held"),
    ("waht", "what"),
    ("wht", "what"),
    ("wat", "what"),
    ("wut", "what"),
    ("hwat", "what"),
    ("taks", "task"),
    ("tsk", "task"),
    ("tsks", "tasks"),
    ("lsiting", "listing"),
    ("listngs", "listings"),
    ("tdy", "today"),
    ("2day", "today"),
    ("2morrow", "tomorrow"),
    ("tmrrw", "tomorrow"),
    ("yday", "yesterday"),
    ("yest", "yesterday"),
    ("yesturday", "yesterday"),
    ("msg", "message"),
    ("msgs", "messages"),
    ("msn", "mission"),
    ("od", "overdue"),
    ("ovrdue", "overdue"),
    ("pastdue", "overdue"),
    ("over-due", "overdue"),
    ("to-do", "todo"),
    ("to-dos", "tasks"),
    ("todos", "tasks"),
    ("dlvry", "delivery"),
    ("wk", "week"),
    ("wknd", "weekend"),
    ("doen", "done"),
    ("dne", "done"),
    ("haz", "has"),
    ("cliamed", "claimed"),
    ("cliam", "claim"),
    ("un-claimed", "unclaimed"),
];

/// Nouns of the trade: they say what a mission is about, and are nobody's name.
const TOPICS: &str = "
photo photos photography photographer lockbox lockboxes key keys sign signs signage staging stager stage inspection inspections
mls brochure brochures flyer flyers flier ad ads social instagram facebook video drone floorplan floor plan plans measurement
measurements deposit deposits lease leases rent rental tenant tenants offer offers showing showings house open closing lawyer
condo docs documents paperwork contract contracts agreement agreements amendment waiver financing condition conditions
cleaning cleaner repair repairs painter paint landscaping snow furniture background description price pricing cma
marketing campaign postcards gift gifts sold sale buyer buyers seller sellers status certificate board trreb feature sheet
sheets reference credit check cheque invoice commission admin email emails yard";

static KNOWN: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ASKING.iter().copied().chain(JOINING.split_whitespace()).collect());
static ABOUT: LazyLock<HashSet<&str>> = LazyLock::new(|| TOPICS.split_whitespace().collect());

/// Whether questions use this word.
pub(super) fn is_known(word: &str) -> bool {
    KNOWN.contains(word)
}

/// Whether it is a noun of the trade.
pub(super) fn is_topic(word: &str) -> bool {
    ABOUT.contains(word) || word == OPEN_HOUSE
}

/// What a word stands for that nobody knows.
pub(super) fn mended(word: &str) -> Option<&'static str> {
    if let Some((_, meant)) = SLIPS.iter().find(|(slip, _)| *slip == word) {
        return Some(meant);
    }
    if is_known(word) || is_topic(word) || !word.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let near = |known: &&&str| {
        let most = match word.len().min(known.len()) {
            0..=4 => return false,
            5..=7 => 1,
            _ => 2,
        };
        // A first letter is seldom wrong, and a plural is no slip.
        known.as_bytes()[0] == word.as_bytes()[0] && distance(word, known) <= most
    };
    ASKING.iter().filter(near).min_by_key(|known| (distance(word, known), std::cmp::Reverse(known.len()))).copied()
}

/// The day that a misspelled word stands for.
pub(super) fn mended_day(word: &str) -> Option<&'static str> {
    if DAYS.contains(&word) || !word.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some((_, meant)) = SLIPS.iter().find(|(slip, meant)| *slip == word && DAYS.contains(meant)) {
        return Some(meant);
    }
    if word.len() < 5 || is_known(word) {
        return None;
    }
    let near = |known: &&&str| {
        known.as_bytes()[0] == word.as_bytes()[0] && distance(word, known) <= 1 + usize::from(known.len() > 8)
    };
    DAYS.iter().filter(near).min_by_key(|known| distance(word, known)).copied()
}

/// How many letters are wrong, missing, too many or in the wrong order.
fn distance(one: &str, two: &str) -> usize {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=two.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=two.len() {
            let change = usize::from(one[i - 1] != two[j - 1]);
            let mut least = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && one[i - 1] == two[j - 2] && one[i - 2] == two[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_mended_and_names_are_not() {
        for (word, meant) in [
            ("ovedue", Some("overdue")),
            ("overude", Some("overdue")),
            ("claimd", Some("claimed")),
            ("misions", Some("missions")),
            ("unclamed", Some("unclaimed")),
            ("reciept", Some("receipt")),
            ("delivries", Some("deliveries")),
            ("oepn", Some("open")),
            ("open", None),
            ("sam", None),
            ("claire", None),
            ("amelia", None),
            ("lockbox", None),
            ("birch", None),
            ("nadine", None),
            ("devon", None),
        ] {
            assert_eq!(mended(word), meant, "{word}");
        }
        for (word, meant) in
            [("todya", Some("today")), ("tomorow", Some("tomorrow")), ("teh", None), ("wendsday", Some("wednesday"))]
        {
            assert_eq!(mended_day(word), meant, "{word}");
        }
    }
}
