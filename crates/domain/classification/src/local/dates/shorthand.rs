//! Writes out days and times as people thumb them: "2day", "wed 630pm", "by 9 tonight". Must not know what they mean.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

static DAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:2|t|to)day\b|\b(?:2nite|2night|tnite|tonite)\b"));
static TONIGHT_FIRST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(tonight (?:by|at|before|b4|around) [0-9]{1,2})( ?[^0-9:apm]|$)"));
static TONIGHT_LAST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b((?:by|at|before|b4|around) [0-9]{1,2}) (tonight)\b"));
static GLUED_HALF: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(1[0-2]|[1-9])(00|15|30|45)( ?-? ?[0-9]{0,4} ?[ap]\.?m)\b"));
/// Only right behind a day: "at 900" is a price as often.
static GLUED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b((?:mon|tues?|wed|weds|thu|thurs?|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tonight|tomorrow|tmrw|tmr)(?: at| by| before| @)?) (1[0-2]|[1-9])(00|15|30|45)\b",
    )
});

fn pattern(expression: &str) -> Regex {
    Regex::new(&expression.replace(r"\b", r"(?-u:\b)")).expect("a valid pattern")
}

/// `folded` with such shorthand written out.
pub(super) fn written_out(folded: &str) -> Cow<'_, str> {
    if !folded.bytes().any(|byte| byte.is_ascii_digit() || byte == b't') {
        return Cow::Borrowed(folded);
    }
    let day = |found: &Captures<'_>| if found[0].contains("ni") { "tonight" } else { "today" }.to_owned();
    let text = DAY.replace_all(folded, day);
    let text = TONIGHT_FIRST.replace_all(&text, "${1}pm${2}");
    let text = TONIGHT_LAST.replace_all(&text, "${1}pm ${2}");
    let text = GLUED_HALF.replace_all(&text, "${1}:${2}${3}");
    Cow::Owned(GLUED.replace_all(&text, "${1} ${2}:${3}").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_thumbs_leave_out() {
        for (typed, meant) in [
            ("send it 2day", "send it today"),
            ("fix it tday pls", "fix it today pls"),
            ("slot them in wed 630pm", "slot them in wed 6:30pm"),
            ("tmrw 530", "tmrw 5:30"),
            ("wed at 1130 n he wants it", "wed at 11:30 n he wants it"),
            ("need the draft by 9 tonight", "need the draft by 9pm tonight"),
            ("to the landlord tonight by 8", "to the landlord tonight by 8pm"),
            ("tonight at 8:30", "tonight at 8:30"),
            ("listed at 900, firm", "listed at 900, firm"),
        ] {
            assert_eq!(written_out(typed), meant, "{typed}");
        }
    }
}
