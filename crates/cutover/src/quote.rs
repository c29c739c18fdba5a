//! The one place where names and texts become SQL. It must not know what they mean.

/// A name, quoted whatever it is.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name within a schema.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A text. Sessions of the engine have `standard_conforming_strings` on, so that a backslash is a backslash.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Names, quoted and with commas.
pub(crate) fn idents<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(ident).collect::<Vec<_>>().join(", ")
}

/// SQL as it may be shown: one line, its texts masked, for they may be somebody's words.
pub(crate) fn shown(sql: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut within = false;
    for letter in sql.chars() {
        if letter == '\'' {
            within = !within;
            shown.push_str(if within { "'…" } else { "'" });
        } else if !within {
            shown.push(if letter.is_control() { ' ' } else { letter });
        }
        if shown.chars().count() >= longest {
            shown.push('…');
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes() {
        assert_eq!(ident("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(qualified("public", "Übersicht"), "\"public\".\"Übersicht\"");
        assert_eq!(literal("it's \\"), "'it''s \\'");
    }

    #[test]
    fn texts_are_not_shown() {
        assert_eq!(
            shown("UPDATE x\nSET name = 'Jane''s' WHERE id = $1", 80),
            "UPDATE x SET name = '…''…' WHERE id = $1"
        );
        assert_eq!(shown("SELECT 1", 3), "SEL…");
    }
}
