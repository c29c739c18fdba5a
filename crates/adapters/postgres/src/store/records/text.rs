//! How words are compared: without case, accents and wildcards. What is done here is done in SQL in the same way. It must not know any
//! table.

use crate::store::clean;

/// Letters with marks, and what they are without. Both sides of a comparison are evened out with these.
pub(super) const MARKED: &str = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿ";
pub(super) const PLAIN: &str = "aaaaaaceeeeiiiinooooouuuuyy";

/// An SQL expression, evened out.
pub(super) fn evened(expression: &str) -> String {
    format!("translate(lower({expression}), '{MARKED}', '{PLAIN}')")
}

/// The same here.
pub(super) fn even(text: &str) -> String {
    let plain =
        |c: char| MARKED.chars().position(|marked| marked == c).and_then(|at| PLAIN.chars().nth(at)).unwrap_or(c);
    clean(text).to_lowercase().chars().map(plain).collect()
}

/// A LIKE pattern for each word of `text`, anywhere.
pub(super) fn patterns(text: &str) -> Vec<String> {
    even(text).split_whitespace().take(12).map(|word| format!("%{}%", escaped(word))).collect()
}

/// Wildcards are letters.
fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The first characters of a message, on one line.
pub(super) fn excerpt(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_evened_out_and_hold_no_wildcards() {
        assert_eq!(MARKED.chars().count(), PLAIN.chars().count());
        assert_eq!(patterns(" Café 100%_a\\ "), ["%cafe%", "%100\\%\\_a\\\\%"]);
        assert_eq!(excerpt("a  b\nc", 10), "a b c");
        assert_eq!(excerpt("abcdef", 4), "abc…");
    }
}
