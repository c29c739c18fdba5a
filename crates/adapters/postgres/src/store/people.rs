//! The `People` port over the brokerage's table `staff`. Rows are read as JSON, for a real database may lack a column.
//!
//! It must not change one.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use dispatch_mission::ids::StaffId;
use dispatch_mission::people::{Login, People, PeopleError, StaffMember, StaffRole};

use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

/// The staff.
#[derive(Clone, Debug)]
pub struct PgPeople {
    pool: Pool,
}

/// Everybody whom a login may mean: by id, or by e-mail address. The table is small.
const CANDIDATES: &str = "
SELECT s.staff_id::text AS staff_id, s.staff_id::text = $1 AS by_id, to_jsonb(s) ->> 'role' AS role,
    to_jsonb(s) ->> 'status' = 'active' AND to_jsonb(s) ->> 'deleted_at' IS NULL AS works_here
FROM public.staff AS s
WHERE s.staff_id::text = $1 OR lower(to_jsonb(s) ->> 'email') = lower($2)";

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = Text)]
    staff_id: String,
    #[diesel(sql_type = Bool)]
    by_id: bool,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    works_here: Option<bool>,
}

impl PgPeople {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn candidates(&self, login: &Login) -> Result<Vec<Candidate>, StoreError> {
        let mut connection = self.pool.get().await?;
        let statement = sql(CANDIDATES).bind::<Text, _>(&login.subject).bind::<Nullable<Text>, _>(&login.email);
        match statement.load(&mut *connection).await.map_err(StoreError::from) {
            // There is no staff here, or none that may be read: then nobody is one of them.
            Err(error) if error.condition().is_some() => Ok(Vec::new()),
            other => other,
        }
    }
}

#[async_trait]
impl People for PgPeople {
    async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError> {
        if login.subject.contains('\0') || login.email.as_ref().is_some_and(|email| email.contains('\0')) {
            return Ok(None);
        }
        let found = self.candidates(login).await.map_err(|error| PeopleError(error.boxed()))?;
        Ok(meant(found).and_then(member))
    }
}

/// The one with the id, or else the only one with the address: of two nobody knows which.
fn meant(mut found: Vec<Candidate>) -> Option<Candidate> {
    if let Some(at) = found.iter().position(|candidate| candidate.by_id) {
        return Some(found.swap_remove(at));
    }
    if found.len() == 1 { found.pop() } else { None }
}

fn member(candidate: Candidate) -> Option<StaffMember> {
    let role = candidate.role.as_deref().and_then(StaffRole::parse)?;
    let works_here = candidate.works_here == Some(true);
    works_here.then_some(StaffMember { staff_id: StaffId(candidate.staff_id), role })
}
