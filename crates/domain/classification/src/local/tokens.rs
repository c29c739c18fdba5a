//! Words of a message with their places. Must not know what they mean.

/// A word without the punctuation around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) word: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Punctuation or a line break follows, so the next word begins something new.
    pub(super) closed: bool,
}

impl Token<'_> {
    pub(super) fn capital(&self) -> bool {
        self.word.starts_with(char::is_uppercase)
    }
}

/// Splits at white space, dashes that stand for pauses, and the edges of Chinese text.
pub(super) fn tokens(shown: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut start = None;
    for (at, c) in shown.char_indices().chain([(shown.len(), '\n')]) {
        if c.is_whitespace() || is_break(c) {
            if let Some(from) = start.take() {
                push(&mut tokens, shown, from, at);
            }
            if let Some(last) = tokens.last_mut().filter(|_| c == '\n' || is_break(c)) {
                last.closed = true;
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    tokens
}

fn push<'t>(tokens: &mut Vec<Token<'t>>, shown: &'t str, from: usize, to: usize) {
    let raw = &shown[from..to];
    let opened = raw.trim_start_matches(['(', '[', '"', '\'', '“', '‘', '«', '*', '_', '~', '>', ',', ';', ':', '.']);
    let word =
        opened.trim_end_matches([')', ']', '"', '”', '’', '»', '*', '_', '~', ',', ';', ':', '!', '?', '.', '…']);
    let start = to - opened.len();
    // "St." ends nothing; other full stops do.
    let abbreviation = matches!(
        word.to_lowercase().as_str(),
        "st" | "rd"
            | "ave"
            | "av"
            | "dr"
            | "mr"
            | "mrs"
            | "ms"
            | "mme"
            | "blvd"
            | "boul"
            | "apt"
            | "ste"
            | "cres"
            | "crt"
            | "ch"
            | "app"
            | "no"
            | "hwy"
    );
    let tail = &opened[word.len()..];
    let open = tail.is_empty() || (tail == "." && abbreviation);
    let closed = !open;
    if start > from
        && let Some(last) = tokens.last_mut()
    {
        last.closed = true;
    }
    if word.is_empty() {
        if let Some(last) = tokens.last_mut() {
            last.closed = true;
        }
        return;
    }
    tokens.push(Token { word, start, end: start + word.len(), closed });
}

fn is_break(c: char) -> bool {
    matches!(c, '–' | '—' | '→' | '•' | '|' | '，' | '。' | '、' | '：' | '；' | '！' | '？' | '（' | '）' | '\u{4e00}'..='\u{9fff}' | '\u{3000}'..='\u{303f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_where_they_end() {
        let words: Vec<_> = tokens("at 12 Elm St. (upper), 月租44 Birch").iter().map(|t| (t.word, t.closed)).collect();
        assert_eq!(
            words,
            [
                ("at", false),
                ("12", false),
                ("Elm", false),
                ("St", true),
                ("upper", true),
                ("44", false),
                ("Birch", true)
            ]
        );
    }
}
