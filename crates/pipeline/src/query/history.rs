//! How much of a conversation is remembered. Must not know what is said in it.

use super::Line;

/// The longest question, in characters.
pub const MOST_QUESTION_CHARS: usize = 2_000;
/// The most lines of a history that a caller may send.
pub const MOST_HISTORY_LINES: usize = 50;
/// The longest line of a history, in characters.
pub const MOST_LINE_CHARS: usize = 8_000;

/// Tokens of history that a model is given; about four characters each.
const TOKENS: usize = 6_000;
const CHARS_PER_TOKEN: usize = 4;

/// The newest lines that fit into the budget, whole ones only.
pub(super) fn kept(history: &[Line]) -> &[Line] {
    let mut left = TOKENS * CHARS_PER_TOKEN;
    let fits = history.iter().rev().take(MOST_HISTORY_LINES).take_while(|line| {
        let length = line.content.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    &history[history.len() - fits.count()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Role;

    fn lines(lengths: &[usize]) -> Vec<Line> {
        lengths.iter().map(|length| Line { role: Role::User, content: "é".repeat(*length) }).collect()
    }

    #[test]
    fn the_newest_lines_that_fit_are_kept() {
        for (lengths, count) in [
            (vec![], 0),
            (vec![10, 10], 2),
            (vec![20_000, 5_000], 1),
            (vec![1, 24_001], 0),
            (vec![1, 24_000], 1),
            (vec![1; 80], 50),
        ] {
            assert_eq!(kept(&lines(&lengths)).len(), count, "{lengths:?}");
        }
        let all = lines(&[30_000, 2, 3]);
        assert_eq!(kept(&all), &all[1..]);
    }
}
