//! Whether a view is the one that the engine makes, by what PostgreSQL says its definition is. It must not know why one
//! asks.
//!
//! PostgreSQL prints a view back in its own words, which differ between versions (15 writes the table's name before each
//! column, 16 does not). Compared are therefore the words themselves, without spaces and quotation marks.

use super::Relation;

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Sign(char),
}

/// Whether `definition` is `SELECT column [AS alias], … FROM schema.table` and nothing else.
pub(crate) fn matches(definition: &str, base: &Relation, aliases: &[String]) -> bool {
    let Some(found) = words(definition.trim().trim_end_matches(';')) else { return false };
    found == expected(base, aliases, true) || found == expected(base, aliases, false)
}

fn expected(base: &Relation, aliases: &[String], prefixed: bool) -> Vec<Word> {
    let name = |text: &str| Word::Name(text.to_owned());
    let mut words = vec![name("select")];
    for (column, alias) in base.columns.iter().zip(aliases) {
        if words.len() > 1 {
            words.push(Word::Sign(','));
        }
        if prefixed {
            words.extend([name(&base.name), Word::Sign('.')]);
        }
        words.push(name(&column.name));
        if column.name != *alias {
            words.extend([name("as"), name(alias)]);
        }
    }
    words.extend([name("from"), name(&base.schema), Word::Sign('.'), name(&base.name)]);
    words
}

/// The words of SQL; nothing for what cannot be taken apart. Keywords come out as names in lower case.
fn words(sql: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        if letter == '"' {
            let mut name = String::new();
            loop {
                match letters.next()? {
                    '"' if letters.peek() == Some(&'"') => {
                        letters.next();
                        name.push('"');
                    }
                    '"' => break,
                    other => name.push(other),
                }
            }
            words.push(Word::Name(name));
        } else if is_part(letter) {
            let mut name = letter.to_string();
            while let Some(part) = letters.next_if(|next| is_part(*next)) {
                name.push(part);
            }
            // Unquoted, only keywords have capitals.
            words.push(Word::Name(name.to_lowercase()));
        } else {
            words.push(Word::Sign(letter));
        }
    }
    Some(words)
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}
