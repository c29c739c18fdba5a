//! Just enough of Rust's grammar to tell code, comments and string literals apart. Must not know what is looked for.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Code,
    Comment,
    /// The inside of a string literal of any sort, escapes as they are written.
    Text,
}

#[derive(Debug)]
pub struct Piece<'a> {
    pub kind: Kind,
    /// Where it begins, from 1.
    pub line: usize,
    pub text: &'a str,
}

/// Cut a source into pieces, in order. Broken source gives pieces too: an open literal runs to the end.
pub fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < source.len() {
        let Some((kind, open, inside, close)) = special(source, at) else {
            at += source[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        push(&mut out, source, Kind::Code, start, at);
        if kind == Kind::Code {
            // A character literal: code, but its quote must not open a string.
            push(&mut out, source, kind, at, at + open + inside + close);
        } else {
            push(&mut out, source, kind, at + open, at + open + inside);
        }
        at += open + inside + close;
        start = at;
    }
    push(&mut out, source, Kind::Code, start, source.len());
    out
}

fn push<'a>(out: &mut Vec<Piece<'a>>, source: &'a str, kind: Kind, from: usize, to: usize) {
    if from < to {
        out.push(Piece { kind, line: 1 + source[..from].matches('\n').count(), text: &source[from..to] });
    }
}

/// What begins here that is not plain code: its kind and the lengths of opening, inside and closing.
fn special(source: &str, at: usize) -> Option<(Kind, usize, usize, usize)> {
    let rest = &source[at..];
    if rest.starts_with("//") {
        return Some((Kind::Comment, 0, rest.find('\n').unwrap_or(rest.len()), 0));
    }
    if rest.starts_with("/*") {
        return Some((Kind::Comment, 0, block_comment(rest), 0));
    }
    if let Some(after) = rest.strip_prefix('"') {
        let inside = escaped(after, '"');
        return Some((Kind::Text, 1, inside, usize::from(1 + inside < rest.len())));
    }
    if rest.starts_with('r') && !continues_a_word(&source[..at]) {
        return raw(rest);
    }
    rest.starts_with('\'').then(|| character(rest)).flatten()
}

/// `r"…"` is a literal where `bar"` is not; `br"…"` and `cr"…"` are too.
fn continues_a_word(before: &str) -> bool {
    let word = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(before, |at| &before[at..]);
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    !matches!(word, "" | "b" | "c")
}

fn raw(rest: &str) -> Option<(Kind, usize, usize, usize)> {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let open = hashes + 2;
    if !rest[1 + hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = rest[open..].find(&end);
    Some((Kind::Text, open, inside.unwrap_or(rest.len() - open), inside.map_or(0, |_| end.len())))
}

/// `'a'`, `'\n'`, `'\''`; a lifetime is none of them.
fn character(rest: &str) -> Option<(Kind, usize, usize, usize)> {
    let mut chars = rest[1..].chars();
    let first = chars.next()?;
    let inside = if first == '\\' { escaped(&rest[1..], '\'') } else { first.len_utf8() };
    rest[1 + inside..].starts_with('\'').then_some((Kind::Code, 1, inside, 1))
}

/// The length up to the closing quote that no backslash escapes.
fn escaped(text: &str, quote: char) -> usize {
    let mut backslash = false;
    for (at, c) in text.char_indices() {
        if c == quote && !backslash {
            return at;
        }
        backslash = c == '\\' && !backslash;
    }
    text.len()
}

/// Block comments nest in Rust.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, source: &str) -> Vec<&str> {
        pieces(source).into_iter().filter(|piece| piece.kind == kind).map(|piece| piece.text).collect()
    }

    #[test]
    fn strings_of_every_sort() {
        let source = r####"a("x \" y"); b(r"\"); c(r#"say "hi""#); d(br"bytes"); var"no"; e(b"b")"####;
        assert_eq!(of(Kind::Text, source), ["x \\\" y", "\\", "say \"hi\"", "bytes", "no", "b"]);
    }

    #[test]
    fn comments_line_doc_and_nested() {
        let source = "// one\ncode /* two /* deep */ still */ more // \"no string\"\n/// doc";
        assert_eq!(of(Kind::Comment, source), ["// one", "/* two /* deep */ still */", "// \"no string\"", "/// doc"]);
    }

    #[test]
    fn characters_and_lifetimes_open_no_string() {
        let source = r#"fn f<'a>(c: char) { c == '"' || c == '\'' || c == 'é' || x::<'a>("text") }"#;
        assert_eq!(of(Kind::Text, source), ["text"]);
    }

    #[test]
    fn lines_are_counted_and_broken_source_ends() {
        let pieces = pieces("a\n\nb \"open\nto the end");
        assert_eq!((pieces[1].kind, pieces[1].line, pieces[1].text), (Kind::Text, 3, "open\nto the end"));
    }
}
