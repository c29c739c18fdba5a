//! The listings that addresses speak of: which ones there are, and which one is meant. A street's houses are held before a
//! listing is made at one of them, so that there is one, however many messages name it at once.
//!
//! It must not make listings, nor change them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::Address;

use super::tables::{LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Sorted, so that two batches with the same streets wait for each other and do not deadlock.
const HOLD: &str = "
INSERT INTO dispatch.addresses AS held (address, ground)
SELECT ground, ground FROM unnest($1) AS wanted (ground) ORDER BY ground COLLATE \"C\"
ON CONFLICT (address) DO UPDATE SET named_at = now()";

// As JSON, for a column that a real database lacks is then simply absent.
macro_rules! seen {
    ($alias:literal) => {
        concat!(
            "SELECT ",
            $alias,
            " AS alias, l ->> 'listing_id' AS listing_id, l ->> 'address_string' AS address,
    coalesce(l ->> 'status', 'new') <> 'completed' AS open, l ->> 'created_at' AS created_at "
        )
    };
}

const NAMED: &str = concat!(
    seen!("alias"),
    "FROM (SELECT a.address AS alias, to_jsonb(l) AS l FROM dispatch.addresses AS a JOIN public.listings AS l USING (listing_id)
    WHERE a.ground = ANY ($1) AND a.listing_id IS NOT NULL) AS rows
WHERE l ->> 'deleted_at' IS NULL"
);

// A rough look by a word of the address, mostly the house number; the exact comparison is made here. On a database of ours
// there is an index for it.
const SIMILAR: &str = concat!(
    seen!("NULL"),
    "FROM (SELECT to_jsonb(listings) AS l FROM public.listings
    WHERE regexp_split_to_array(lower(address_string), '[^0-9a-z]+') && $1) AS rows
WHERE l ->> 'deleted_at' IS NULL"
);

const REMEMBER: &str = "
INSERT INTO dispatch.addresses AS known (address, ground, listing_id)
SELECT * FROM unnest($1, $2, $3) AS new (address, ground, listing_id) ORDER BY address COLLATE \"C\"
ON CONFLICT (address) DO UPDATE SET listing_id = excluded.listing_id
WHERE known.listing_id IS DISTINCT FROM excluded.listing_id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    alias: Option<String>,
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Bool)]
    open: bool,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
}

/// A listing that may be meant.
#[derive(Clone, Debug)]
struct Candidate {
    listing: String,
    address: Address,
    /// What else it was called.
    aliases: Vec<Address>,
    open: bool,
    created_at: Option<String>,
}

/// What is known of some streets, the newest listing first.
#[derive(Debug, Default)]
pub(super) struct Ground {
    candidates: Vec<Candidate>,
}

/// Holds these streets' houses until the transaction ends.
pub(super) async fn hold(connection: &mut AsyncPgConnection, wanted: &[&Address]) -> Result<(), StoreError> {
    let grounds: BTreeSet<String> = wanted.iter().map(|address| address.ground()).collect();
    if !grounds.is_empty() {
        sql(HOLD).bind::<Array<Text>, _>(grounds.into_iter().collect::<Vec<_>>()).execute(connection).await?;
    }
    Ok(())
}

/// Remembers which listing these addresses mean. The last of several counts.
pub(super) async fn remember(
    connection: &mut AsyncPgConnection,
    meant: impl Iterator<Item = (&Address, &str)>,
) -> Result<(), StoreError> {
    let meant: BTreeMap<String, (String, &str)> =
        meant.map(|(address, listing)| (address.to_string(), (address.ground(), listing))).collect();
    if meant.is_empty() {
        return Ok(());
    }
    sql(REMEMBER)
        .bind::<Array<Text>, _>(meant.keys().collect::<Vec<_>>())
        .bind::<Array<Text>, _>(meant.values().map(|(ground, _)| ground.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(meant.values().map(|(_, listing)| *listing).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

impl Ground {
    /// The listings that may be at one of these addresses: those that our own rows name, and where none of them is open,
    /// those that others made.
    pub(super) async fn read(
        connection: &mut AsyncPgConnection,
        tables: &Tables,
        wanted: &[&Address],
    ) -> Result<Self, StoreError> {
        let mut ground = Self::default();
        if wanted.is_empty() || tables.names(LISTINGS, &["address_string"]).is_empty() {
            return Ok(ground);
        }
        let grounds: BTreeSet<String> = wanted.iter().map(|address| address.ground()).collect();
        let grounds: Vec<String> = grounds.into_iter().collect();
        ground.take(sql(NAMED).bind::<Array<Text>, _>(grounds).load(connection).await?);
        let unknown = wanted.iter().filter(|address| ground.open_at(address).is_none());
        let sought: BTreeSet<&str> = unknown.map(|address| address.sought()).collect();
        if !sought.is_empty() {
            let sought: Vec<&str> = sought.into_iter().collect();
            ground.take(sql(SIMILAR).bind::<Array<Text>, _>(sought).load(connection).await?);
        }
        Ok(ground)
    }

    fn take(&mut self, rows: Vec<Row>) {
        let mut known: HashMap<String, Candidate> =
            self.candidates.drain(..).map(|one| (one.listing.clone(), one)).collect();
        for row in rows {
            let Some(address) = row.address.as_deref().and_then(Address::read) else { continue };
            let one = known.entry(row.listing_id).or_insert_with_key(|listing| Candidate {
                listing: listing.clone(),
                address,
                aliases: Vec::new(),
                open: row.open,
                created_at: row.created_at,
            });
            one.aliases.extend(row.alias.as_deref().and_then(Address::read));
        }
        self.candidates = known.into_values().collect();
        self.candidates.sort_by(|a, b| (&b.created_at, &b.listing).cmp(&(&a.created_at, &a.listing)));
    }

    /// A listing that is about to be made.
    pub(super) fn add(&mut self, listing: &str, address: &Address) {
        let one = Candidate {
            listing: listing.to_owned(),
            address: address.clone(),
            aliases: Vec::new(),
            open: true,
            created_at: None,
        };
        self.candidates.insert(0, one);
    }

    /// Notes that a listing was called this.
    pub(super) fn call(&mut self, listing: &str, address: &Address) {
        if let Some(one) = self.candidates.iter_mut().find(|one| one.listing == listing) {
            one.aliases.push(address.clone());
        }
    }

    /// Notes that a listing turned out to be finished, or gone.
    pub(super) fn close(&mut self, listing: &str, gone: bool) {
        self.candidates.retain(|one| !gone || one.listing != listing);
        self.candidates.iter_mut().filter(|one| one.listing == listing).for_each(|one| one.open = false);
    }

    /// The listing that work at this address is added to: one that is not finished.
    pub(super) fn open_at(&self, wanted: &Address) -> Option<&str> {
        self.find(wanted, |one| one.open)
    }

    /// The listing that is spoken of, finished or not.
    pub(super) fn any_at(&self, wanted: &Address) -> Option<&str> {
        self.open_at(wanted).or_else(|| self.find(wanted, |_| true))
    }

    /// The newest of those that can be meant, if all of them are one place; else the newest at exactly this address: a guess
    /// that fits two places is no guess.
    fn find(&self, wanted: &Address, counts: impl Fn(&Candidate) -> bool) -> Option<&str> {
        let is_exact = |one: &Candidate| one.address == *wanted;
        let fits = |one: &Candidate| {
            is_exact(one) || (one.address.is_same(wanted) && one.aliases.iter().all(|alias| alias.is_same(wanted)))
        };
        let fitting: Vec<&Candidate> = self.candidates.iter().filter(|one| counts(one) && fits(one)).collect();
        let are_one = fitting.iter().all(|one| fitting.iter().all(|other| one.address.is_same(&other.address)));
        let meant = fitting.iter().find(|one| are_one || is_exact(one))?;
        Some(&meant.listing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(listings: &[(&str, &str, &[&str], bool)]) -> Ground {
        let rows = listings.iter().enumerate().flat_map(|(age, (listing, address, aliases, open))| {
            let row = move |alias: Option<&str>| Row {
                alias: alias.map(str::to_owned),
                listing_id: (*listing).to_owned(),
                address: Some((*address).to_owned()),
                open: *open,
                created_at: Some(format!("2026-11-{:02}", 28 - age)),
            };
            std::iter::once(row(None)).chain(aliases.iter().map(move |alias| row(Some(alias)))).collect::<Vec<_>>()
        });
        let mut ground = Ground::default();
        ground.take(rows.collect());
        ground
    }

    fn address(text: &str) -> Address {
        Address::read(text).unwrap()
    }

    #[test]
    fn spelling_does_not_matter_but_the_place_does() {
        let ground = ground(&[("new", "12 Main Street", &[], true), ("old", "12 main st.", &[], true)]);
        for (wanted, found) in
            [("12 MAIN ST", Some("new")), ("12 Main", Some("new")), ("112 Main St", None), ("12 Main Ave", None)]
        {
            assert_eq!(ground.open_at(&address(wanted)), found, "{wanted}");
        }
    }

    #[test]
    fn what_fits_two_places_is_neither() {
        let two = ground(&[("st", "12 Elm St", &[], true), ("ave", "12 Elm Ave", &[], true)]);
        assert_eq!(two.open_at(&address("12 Elm")), None);
        assert_eq!(two.open_at(&address("12 Elm Ave, Toronto")), Some("ave"));
        let newest = ground(&[("new", "12 Elm St, Toronto", &[], true), ("old", "12 Elm St", &[], true)]);
        assert_eq!(newest.open_at(&address("12 Elm St")), Some("new"), "they are one place");
        let called = ground(&[("one", "12 Elm", &["12 Elm St"], true)]);
        assert_eq!(called.open_at(&address("12 Elm Street")), Some("one"));
        assert_eq!(called.open_at(&address("12 Elm Ave")), None, "it was called a street");
    }

    #[test]
    fn nothing_is_added_to_what_is_finished_but_it_is_spoken_of() {
        let mut finished = ground(&[("done", "12 Elm St", &[], false)]);
        assert_eq!(finished.open_at(&address("12 Elm St")), None);
        assert_eq!(finished.any_at(&address("12 Elm")), Some("done"));
        finished.add("made", &address("12 Elm St"));
        assert_eq!(finished.any_at(&address("12 Elm")), Some("made"));
        finished.close("made", true);
        assert_eq!(finished.any_at(&address("12 Elm")), Some("done"));
    }
}
