//! The listing that an address speaks of: the same address in another spelling is the same listing.
//!
//! It must not make listings.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::tables::{LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// A rough look by the first word (the house number); the exact comparison is made below.
const SIMILAR: &str = "
SELECT l ->> 'listing_id' AS listing_id, l ->> 'address_string' AS address_string
FROM (SELECT to_jsonb(listings) AS l FROM public.listings WHERE lower(address_string) LIKE ANY ($1)) AS rows
WHERE l ->> 'deleted_at' IS NULL
ORDER BY l ->> 'created_at' DESC, 1 DESC";

/// Words that are written in two ways.
pub(crate) const SHORT: [(&str, &str); 14] = [
    ("street", "st"),
    ("avenue", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("boulevard", "blvd"),
    ("court", "ct"),
    ("crt", "ct"),
    ("lane", "ln"),
    ("crescent", "cres"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "terr"),
    ("parkway", "pkwy"),
    ("highway", "hwy"),
];

/// A listing with its address.
#[derive(Debug, QueryableByName)]
pub(crate) struct Listing {
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = Text)]
    address_string: String,
}

/// Listings that may have one of these addresses, the newest first.
pub(crate) async fn similar(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    addresses: &[&str],
) -> Result<Vec<Listing>, StoreError> {
    let first = |address: &&str| normal(address).into_iter().next().map(|word| format!("%{word}%"));
    let patterns: Vec<String> = addresses.iter().filter_map(first).collect();
    if patterns.is_empty() || tables.existing(LISTINGS, &["address_string"]).is_empty() {
        return Ok(Vec::new());
    }
    Ok(sql(SIMILAR).bind::<Array<Text>, _>(patterns).load(connection).await?)
}

/// The newest of `listings` at this address.
pub(crate) fn find<'a>(listings: &'a [Listing], address: &str) -> Option<&'a str> {
    let wanted = normal(address);
    let same = |listing: &&Listing| !wanted.is_empty() && normal(&listing.address_string) == wanted;
    listings.iter().find(same).map(|listing| listing.listing_id.as_str())
}

/// An address's words: lower case, without punctuation, in their short form.
pub(crate) fn normal(address: &str) -> Vec<String> {
    address
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| SHORT.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_but_the_place_does() {
        let listings = [
            Listing { listing_id: "new".to_owned(), address_string: "12 Main Street".to_owned() },
            Listing { listing_id: "old".to_owned(), address_string: "12 main st.".to_owned() },
        ];
        assert_eq!(find(&listings, "12 MAIN ST"), Some("new"));
        assert_eq!(find(&listings, "112 Main St"), None);
        assert_eq!(find(&listings, "12 Main Ave"), None);
        assert_eq!(find(&listings, " , "), None);
    }
}
