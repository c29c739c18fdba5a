//! Whose work it is: the realtor that a hint or an author stands for. A guess that fits two people is no guess.
//!
//! It must not assign work: a mission is unclaimed until a person claims it.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::tables::{REALTORS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// As JSON, for a column that a real database lacks is then simply absent.
const ALL: &str = "
SELECT r ->> 'realtor_id' AS realtor_id, r ->> 'name' AS name, r ->> 'email' AS email, r ->> 'phone' AS phone,
    r ->> 'slack_user_id' AS slack_user_id
FROM (SELECT to_jsonb(realtors) AS r FROM public.realtors) AS rows
WHERE r ->> 'deleted_at' IS NULL AND r ->> 'realtor_id' IS NOT NULL";

/// A realtor, as far as he or she can be recognised.
#[derive(Clone, Debug, Default, QueryableByName)]
pub(crate) struct Realtor {
    #[diesel(sql_type = Text)]
    realtor_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slack_user_id: Option<String>,
}

pub(crate) async fn read(connection: &mut AsyncPgConnection, tables: &Tables) -> Result<Vec<Realtor>, StoreError> {
    if !tables.has(REALTORS) {
        return Ok(Vec::new());
    }
    Ok(sql(ALL).load(connection).await?)
}

/// The realtor named by `hint`; else the one who is `author` (a Slack user id or a phone number).
pub(crate) fn resolve<'a>(all: &'a [Realtor], hint: Option<&str>, author: &str) -> Option<&'a str> {
    hint.and_then(|hint| by_hint(all, hint.trim())).or_else(|| by_account(all, author))
}

fn by_hint<'a>(all: &'a [Realtor], hint: &str) -> Option<&'a str> {
    if let Some(mention) = hint.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>')) {
        let user = mention.split('|').next().unwrap_or(mention);
        return only(all, |realtor| realtor.slack_user_id.as_deref() == Some(user));
    }
    let hint = hint.trim_start_matches('@').to_lowercase();
    if hint.is_empty() {
        return None;
    }
    only(all, |realtor| realtor.email.as_ref().is_some_and(|email| email.to_lowercase() == hint))
        .or_else(|| last_ten(&hint).and_then(|digits| by_phone(all, &digits)))
        .or_else(|| only(all, |realtor| realtor.name.as_ref().is_some_and(|name| name.to_lowercase() == hint)))
        .or_else(|| only(all, |realtor| has_part(realtor, &hint)))
}

fn by_account<'a>(all: &'a [Realtor], author: &str) -> Option<&'a str> {
    if author.is_empty() {
        return None;
    }
    only(all, |realtor| realtor.slack_user_id.as_deref() == Some(author))
        .or_else(|| last_ten(author).and_then(|digits| by_phone(all, &digits)))
}

fn by_phone<'a>(all: &'a [Realtor], digits: &str) -> Option<&'a str> {
    only(all, |realtor| realtor.phone.as_deref().and_then(last_ten).is_some_and(|phone| phone == digits))
}

/// Whole words of the name, in their order: "maria" or "lopez garcia", but not "al" for Sally.
fn has_part(realtor: &Realtor, hint: &str) -> bool {
    let name = realtor.name.as_deref().unwrap_or_default().to_lowercase();
    let name: Vec<&str> = name.split_whitespace().collect();
    let hint: Vec<&str> = hint.split_whitespace().collect();
    !hint.is_empty() && name.windows(hint.len()).any(|words| words == hint)
}

/// The only one of whom this is true.
fn only(all: &[Realtor], is: impl Fn(&Realtor) -> bool) -> Option<&str> {
    let mut found = all.iter().filter(|realtor| is(realtor));
    let first = found.next()?;
    found.next().is_none().then_some(first.realtor_id.as_str())
}

/// The last ten digits of a North American number; `None` for text that is no number.
pub(crate) fn last_ten(text: &str) -> Option<String> {
    let stray = |c: char| !c.is_ascii_digit() && !"+-.() ".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 10 && !text.contains(stray)).then(|| digits[digits.len() - 10..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realtor(id: &str, name: &str, email: &str, phone: &str, slack: &str) -> Realtor {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Realtor {
            realtor_id: id.to_owned(),
            name: some(name),
            email: some(email),
            phone: some(phone),
            slack_user_id: some(slack),
        }
    }

    fn people() -> Vec<Realtor> {
        vec![
            realtor("r1", "Maria Lopez", "maria@example.com", "(416) 555-0101", "U1"),
            realtor("r2", "Maria Chen", "chen@example.com", "+1 416 555 0102", "U2"),
            realtor("r3", "Sally Alder", "", "", ""),
        ]
    }

    #[test]
    fn hints_go_from_the_surest_to_the_vaguest() {
        let all = people();
        for (hint, expected) in [
            ("MARIA@example.com", Some("r1")),
            ("416-555-0102", Some("r2")),
            ("+14165550101", Some("r1")),
            ("maria chen", Some("r2")),
            ("@Sally", Some("r3")),
            ("Alder", Some("r3")),
            ("<@U2>", Some("r2")),
            ("<@U2|chen>", Some("r2")),
            ("Maria", None),
            ("Al", None),
            ("Nobody", None),
            ("", None),
        ] {
            assert_eq!(resolve(&all, Some(hint), "stranger"), expected, "{hint}");
        }
    }

    #[test]
    fn without_a_hint_that_fits_it_is_the_author() {
        let all = people();
        assert_eq!(resolve(&all, None, "U1"), Some("r1"));
        assert_eq!(resolve(&all, Some("Maria"), "U2"), Some("r2"), "an ambiguous hint names nobody");
        assert_eq!(resolve(&all, None, "+14165550102"), Some("r2"));
        assert_eq!(resolve(&all, None, ""), None);
        assert_eq!(resolve(&all, None, "U9"), None);
    }
}
