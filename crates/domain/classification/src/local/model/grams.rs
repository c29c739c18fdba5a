//! The pieces of a text that the model weighs: words, pairs of neighbours, and runs of letters, which survive a typing
//! slip. Must not know what any of them means.

/// The shortest and the longest run of letters.
const RUNS: std::ops::RangeInclusive<usize> = 3..=5;

/// What stands in a folded text where an address stood (see `without` in `local`).
pub(in crate::local) const PLACEHOLDER: &str = "77 placeholder";

/// Short ways to write common words.
const SHORT: [(&str, &str); 34] = [
    ("abt", "about"),
    ("addr", "address"),
    ("appt", "appointment"),
    ("b4", "before"),
    ("bc", "because"),
    ("cert", "certificate"),
    ("cuz", "because"),
    ("dep", "deposit"),
    ("doc", "document"),
    ("docs", "documents"),
    ("gonna", "going"),
    ("info", "information"),
    ("msg", "message"),
    ("n", "and"),
    ("pic", "photo"),
    ("pics", "photos"),
    ("pkg", "package"),
    ("pls", "please"),
    ("plse", "please"),
    ("plz", "please"),
    ("ppl", "people"),
    ("r", "are"),
    ("svp", "please"),
    ("thx", "thanks"),
    ("tks", "thanks"),
    ("tmr", "tomorrow"),
    ("tmrw", "tomorrow"),
    ("tmw", "tomorrow"),
    ("tnx", "thanks"),
    ("ty", "thanks"),
    ("u", "you"),
    ("ur", "your"),
    ("w", "with"),
    ("wanna", "want"),
];

/// Calls `each` with every word of `folded` as a gram and as it stands there, for telling people about.
pub(in crate::local) fn each_word(folded: &str, each: &mut dyn FnMut(&str, &str)) {
    for word in
        words(folded).iter().filter(|word| word.chars().all(|c| c.is_lowercase() || c == '\'' || c > '\u{2fff}'))
    {
        each(&format!("w {word}"), word);
    }
}

/// Calls `each` with every piece of `folded`, repeated ones as often as they stand there: `w still`, `p still waiting`
/// (`^` and `$` are the edges), `c sti`.
pub(in crate::local) fn each_gram(folded: &str, each: &mut dyn FnMut(&str)) {
    let words = words(folded);
    let mut gram = String::with_capacity(32);
    let mut tell = |parts: &[&str]| {
        gram.clear();
        parts.iter().for_each(|part| gram.push_str(part));
        each(&gram);
    };
    for word in &words {
        tell(&["w ", word]);
    }
    let edges = |at: usize| at.checked_sub(1).map_or("^", |at| words.get(at).map_or("$", String::as_str));
    for at in 0..=words.len() {
        tell(&["p ", edges(at), " ", edges(at + 1)]);
    }
    let line = format!(" {} ", words.join(" "));
    let starts: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    for length in RUNS {
        for run in starts.windows(length + 1) {
            tell(&["c ", &line[run[0]..run[length]]]);
        }
    }
}

/// The words of `folded`: numbers, sums of money, mentions and the address each look alike, signs stand for themselves.
fn words(folded: &str) -> Vec<String> {
    let text = folded.replace(PLACEHOLDER, " \u{1} ");
    let mut words = Vec::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let length = length(rest, first);
        let piece = &rest[..length];
        rest = &rest[length..];
        match first {
            '\u{1}' => words.push("ADDR".to_owned()),
            '<' if length > 1 => words.push("@".to_owned()),
            '0'..='9' => words.push(if piece.ends_with(['k', 'm']) { "$" } else { "#" }.to_owned()),
            '$' => words.push("$".to_owned()),
            'a'..='z' => words.push(in_full(piece).to_owned()),
            _ if first.is_whitespace() || ".,;:-'\"()".contains(first) && length == 1 => {}
            _ => words.push(piece.to_owned()),
        }
    }
    words
}

/// How many bytes of `rest` belong to the word that begins with `first`.
fn length(rest: &str, first: char) -> usize {
    let run = |from: usize, inside: fn(u8) -> bool| {
        from + rest.as_bytes()[from..].iter().take_while(|byte| inside(**byte)).count()
    };
    let letters = |from| run(from, |byte| byte.is_ascii_lowercase());
    match first {
        'a'..='z' => {
            let end = letters(1);
            let more = if rest[end..].starts_with('\'') { letters(end + 1) } else { end };
            if more > end + 1 { more } else { end }
        }
        '0'..='9' => suffixed(rest, run(1, numeric)),
        '$' => suffixed(rest, run(1, numeric)),
        '<' if rest.starts_with("<@") => rest.find('>').map_or(1, |at| at + 1),
        ':' => {
            let end = run(1, |byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'+'));
            if end > 1 && rest[end..].starts_with(':') { end + 1 } else { 1 }
        }
        _ => first.len_utf8(),
    }
}

fn numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b':')
}

/// "899k" is one word.
fn suffixed(rest: &str, end: usize) -> usize {
    if rest[end..].starts_with(['k', 'm']) && !rest[end + 1..].starts_with(|c: char| c.is_ascii_lowercase()) {
        end + 1
    } else {
        end
    }
}

fn in_full(word: &str) -> &str {
    SHORT.binary_search_by(|(short, _)| (*short).cmp(word)).map_or(word, |at| SHORT[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(folded: &str, kind: &str) -> Vec<String> {
        let mut grams = Vec::new();
        each_gram(folded, &mut |gram| grams.extend(gram.strip_prefix(kind).map(|gram| gram.trim_start().to_owned())));
        grams
    }

    #[test]
    fn the_short_words_are_in_order() {
        assert!(SHORT.is_sorted());
    }

    #[test]
    fn words_are_evened_out() {
        assert_eq!(
            words("pls book 77 placeholder, 2pm <@u02ab> it's $1.2m or 899k!! :tada: 房子"),
            ["please", "book", "ADDR", "#", "pm", "@", "it's", "$", "or", "$", "!", "!", ":tada:", "房", "子"]
        );
        assert!(words("").is_empty());
    }

    #[test]
    fn pairs_know_the_edges_and_runs_cross_words() {
        assert_eq!(grams("still waiting", "p"), ["^ still", "still waiting", "waiting $"]);
        assert!(grams("a b", "c").contains(&"a b".to_owned()));
        assert_eq!(grams("", "p"), ["^ $"]);
    }
}
