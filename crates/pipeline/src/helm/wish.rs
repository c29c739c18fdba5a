//! What may be wished of the flag: one rule for every way in. Must not know how a wish arrives.

use super::Guarding;
use crate::ports::flag::{ApiVersion, Steering};
use std::time::Duration;

/// Characters that a reason may have.
pub const LONGEST_REASON: usize = 500;
/// How long a guard may last.
pub const LONGEST_GUARD: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a wish is refused, after the name of what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WrongWish {
    /// `percent`.
    #[error("must be from 1 to 100")]
    Percent,
    /// `percent`, beside `shadow`.
    #[error("does not go with shadow: in the shadow the old contract answers everybody")]
    PartOfShadow,
    /// `reason`.
    #[error("says nothing; say why, or leave it out")]
    BlankReason,
    /// `reason`.
    #[error("has at most 500 characters")]
    LongReason,
    /// `reason`.
    #[error("must be one line of plain text")]
    ReasonOfLines,
    /// `guard`.
    #[error("must last from 1 second to 24 hours")]
    Guard,
}

/// To what; everybody unless `percent` says otherwise.
///
/// # Errors
/// A share that is none, or one beside a shadow.
pub fn steering(version: ApiVersion, percent: Option<i64>, shadow: bool) -> Result<Steering, WrongWish> {
    let share = percent.unwrap_or(100);
    let share = u8::try_from(share).ok().filter(|share| (1..=100).contains(share)).ok_or(WrongWish::Percent)?;
    if shadow && share < 100 {
        return Err(WrongWish::PartOfShadow);
    }
    Ok(Steering { version, percent: share, shadow })
}

/// Why, in one line: the history is read line by line, and nobody writes another's.
///
/// # Errors
/// One that is blank, too long, or more than plain text.
pub fn reason(said: &str) -> Result<String, WrongWish> {
    let said = said.trim();
    if said.is_empty() {
        return Err(WrongWish::BlankReason);
    }
    if said.chars().count() > LONGEST_REASON {
        return Err(WrongWish::LongReason);
    }
    if said.chars().all(is_plain) { Ok(said.to_owned()) } else { Err(WrongWish::ReasonOfLines) }
}

/// For how long, in seconds.
///
/// # Errors
/// No time at all, or more than a day.
pub fn guarding(seconds: i64) -> Result<Guarding, WrongWish> {
    let lasts = u64::try_from(seconds).map_err(|_| WrongWish::Guard).map(Duration::from_secs)?;
    let is_sound = lasts > Duration::ZERO && lasts <= LONGEST_GUARD;
    if is_sound { Ok(Guarding { lasts, back: None }) } else { Err(WrongWish::Guard) }
}

/// Whether a character may stand in a line without ending it or turning it round.
#[must_use]
pub fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_plain_text() {
        assert_eq!(reason("  cut-over, é \u{1f680} "), Ok("cut-over, é \u{1f680}".to_owned()));
        assert_eq!(reason(&"é".repeat(500)), Ok("é".repeat(500)));
        for (wrong, why) in [
            ("", WrongWish::BlankReason),
            (" \n\t", WrongWish::BlankReason),
            (&"é".repeat(501), WrongWish::LongReason),
            ("line1\n2026-01-01T00:00:00Z  api_version: dispatch  by cli:alice", WrongWish::ReasonOfLines),
            ("a\r\u{1b}[2Kb", WrongWish::ReasonOfLines),
            ("a\u{2028}b", WrongWish::ReasonOfLines),
            ("a\u{202e}b", WrongWish::ReasonOfLines),
        ] {
            assert_eq!(reason(wrong), Err(why), "{wrong:?}");
        }
    }

    #[test]
    fn a_share_is_from_1_to_100_and_a_shadow_is_for_all() {
        let to = |percent, shadow| steering(ApiVersion::Dispatch, percent, shadow).map(|steering| steering.percent);
        assert_eq!((to(None, false), to(Some(1), false), to(Some(100), true)), (Ok(100), Ok(1), Ok(100)));
        for wrong in [0, -1, 101, 300, i64::MAX] {
            assert_eq!(to(Some(wrong), false), Err(WrongWish::Percent));
        }
        assert_eq!(to(Some(10), true), Err(WrongWish::PartOfShadow));
        assert!(guarding(0).is_err() && guarding(86_401).is_err() && guarding(-1).is_err() && guarding(86_400).is_ok());
    }
}
