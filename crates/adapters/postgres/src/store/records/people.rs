//! Who works at the brokerage and for whom: small tables, read whole and as JSON, for a real database may lack a column. It must not
//! show a number or an address.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{RealtorId, StaffId};
use dispatch_mission::people::StaffRole;
use dispatch_pipeline::ports::records::{Person, PersonHit};

use super::Ground;
use super::text::even;
use crate::store::error::StoreError;
use crate::store::sql::sql;

const STAFF: &str = "
SELECT true AS is_staff, s ->> 'staff_id' AS id, s ->> 'name' AS name, s ->> 'role' AS role, s ->> 'slack_user_id' AS slack,
    s ->> 'phone' AS phone, coalesce(s ->> 'status', 'active') = 'active' AS is_active
FROM (SELECT to_jsonb(staff) AS s FROM public.staff LIMIT 5000) AS rows
WHERE s ->> 'deleted_at' IS NULL AND s ->> 'staff_id' IS NOT NULL AND s ->> 'name' IS NOT NULL
ORDER BY 3, 2";

const REALTORS: &str = "
SELECT false AS is_staff, r ->> 'realtor_id' AS id, r ->> 'name' AS name, NULL AS role, r ->> 'slack_user_id' AS slack,
    r ->> 'phone' AS phone, coalesce(r ->> 'status', 'active') = 'active' AS is_active
FROM (SELECT to_jsonb(realtors) AS r FROM public.realtors LIMIT 5000) AS rows
WHERE r ->> 'deleted_at' IS NULL AND r ->> 'realtor_id' IS NOT NULL AND r ->> 'name' IS NOT NULL
ORDER BY 3, 2";

/// Somebody, with the accounts that only this module compares.
#[derive(Debug, QueryableByName)]
pub(super) struct Known {
    #[diesel(sql_type = Bool)]
    is_staff: bool,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slack: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Bool)]
    is_active: bool,
}

/// Everybody, staff first.
pub(super) async fn all(connection: &mut AsyncPgConnection, ground: Ground) -> Result<Vec<Known>, StoreError> {
    let mut all: Vec<Known> = Vec::new();
    if ground.staff {
        all.extend(sql(STAFF).load::<Known>(connection).await?);
    }
    if ground.realtors {
        all.extend(sql(REALTORS).load::<Known>(connection).await?);
    }
    Ok(all)
}

/// Active people who are called so.
pub(super) fn named(all: Vec<Known>, name: &str) -> Vec<PersonHit> {
    let asked = even(name);
    let asked: Vec<&str> = words(&asked).collect();
    let fits = |known: &Known| {
        let name = even(&known.name);
        !asked.is_empty() && asked.iter().all(|word| words(&name).any(|part| part.starts_with(word)))
    };
    let mut found: Vec<Known> = all.into_iter().filter(|known| known.is_active && fits(known)).collect();
    found.sort_by_key(|known| words(&even(&known.name)).ne(asked.iter().copied()));
    found.into_iter().map(Known::hit).collect()
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
}

impl Known {
    fn hit(self) -> PersonHit {
        if self.is_staff {
            let role = self.role.as_deref().and_then(StaffRole::parse);
            PersonHit::Staff { staff_id: StaffId(self.id), name: self.name, role }
        } else {
            PersonHit::Realtor { realtor_id: RealtorId(self.id), name: self.name }
        }
    }

    pub(super) fn is(&self, person: &Person) -> bool {
        match person {
            Person::Staff(id) => self.is_staff && self.id == id.0,
            Person::Realtor(id) => !self.is_staff && self.id == id.0,
        }
    }

    /// The account and the last ten digits of the number that messages of theirs come from.
    pub(super) fn accounts(&self) -> (Option<&str>, Option<String>) {
        (self.slack.as_deref(), self.phone.as_deref().and_then(last_ten))
    }

    /// Whether a message by `author` is theirs.
    pub(super) fn wrote(&self, author: &str) -> bool {
        let (slack, phone) = self.accounts();
        slack == Some(author) || (author.starts_with('+') && phone.is_some() && phone == last_ten(author))
    }
}

fn last_ten(number: &str) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 10).then(|| digits[digits.len() - 10..].to_owned())
}
