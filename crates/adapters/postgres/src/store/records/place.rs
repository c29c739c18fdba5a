//! Where a search looks for an address: which listings are there, and which texts name it. It must not know missions.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::{SPELLINGS, words};

use super::text::even;
use crate::store::error::StoreError;

/// The most listings whose address is compared.
const MOST_LISTINGS: i64 = 2_000;

/// An address that is asked for, in normal form.
#[derive(Clone, Debug)]
pub(super) struct Place(Vec<String>);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = Text)]
    address: String,
}

impl Place {
    pub(super) fn read(address: &str) -> Self {
        Self(words(&even(address)))
    }

    /// Whether `stored` is this place: it has these words one after the other, or is the beginning of them.
    pub(super) fn is(&self, stored: &str) -> bool {
        let stored = words(&even(stored));
        let asked = &self.0;
        !asked.is_empty()
            && (stored.windows(asked.len()).any(|words| words == asked.as_slice())
                || (stored.len() > 1 && asked.starts_with(&stored)))
    }

    /// What narrows listings down before they are compared: the house number, or else the longest word that has one spelling.
    pub(super) fn pattern(&self) -> String {
        let has_one_spelling = |word: &&String| !SPELLINGS.iter().any(|(_, short)| short == word);
        let words = || self.0.iter().filter(has_one_spelling);
        let word = words()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .or_else(|| words().max_by_key(|word| word.len()));
        // Letters and digits only: there is no wildcard in it.
        word.map_or_else(|| "%".to_owned(), |word| format!("%{word}%"))
    }

    /// A regular expression for evened text that names this place, in any of the spellings. Never matches for a place without words.
    pub(super) fn expression(&self) -> String {
        if self.0.is_empty() {
            return "$.".to_owned();
        }
        let spellings = |word: &String| {
            let long = SPELLINGS.iter().filter(|(_, short)| short == word).map(|(long, _)| *long);
            let all: Vec<&str> = std::iter::once(word.as_str()).chain(long).collect();
            if all.len() == 1 { word.clone() } else { format!("(?:{})", all.join("|")) }
        };
        let words: Vec<String> = self.0.iter().map(spellings).collect();
        format!("(?:^|[^[:alnum:]]){}(?:[^[:alnum:]]|$)", words.join("[^[:alnum:]]+"))
    }
}

/// Listings at `place`.
pub(super) async fn listings(connection: &mut AsyncPgConnection, place: &Place) -> Result<Vec<String>, StoreError> {
    let text = format!(
        "SELECT l.listing_id::text AS listing_id, l.address_string AS address FROM public.listings AS l
         WHERE l.deleted_at IS NULL AND l.address_string IS NOT NULL AND {} LIKE ANY ($1)
         ORDER BY l.created_at DESC LIMIT $2",
        super::text::evened("l.address_string")
    );
    let rows: Vec<Row> = crate::store::sql::sql(text)
        .bind::<Array<Text>, _>(vec![place.pattern()])
        .bind::<BigInt, _>(MOST_LISTINGS)
        .load(connection)
        .await?;
    Ok(rows.into_iter().filter(|row| place.is(&row.address)).map(|row| row.listing_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_in_other_words() {
        let place = Place::read("12 Elm");
        for (stored, is) in [
            ("12 Elm Street, Toronto", true),
            ("Unit 4, 12 Élm St", true),
            ("112 Elm St", false),
            ("12 Elmwood Ave", false),
            ("12", false),
            ("", false),
        ] {
            assert_eq!(place.is(stored), is, "{stored}");
        }
        assert!(Place::read("12 Elm Street, Toronto, Ontario").is("12 elm st"));
        assert!(!Place::read("12 Elm Street").is("12 Elm Ave"));
        assert!(!Place::read("%").is("12 Elm"));
        assert_eq!(Place::read("St 12").pattern(), "%12%");
        assert_eq!(
            Place::read("12 elm st").expression(),
            "(?:^|[^[:alnum:]])12[^[:alnum:]]+elm[^[:alnum:]]+(?:st|street|str|saint)(?:[^[:alnum:]]|$)"
        );
    }
}
