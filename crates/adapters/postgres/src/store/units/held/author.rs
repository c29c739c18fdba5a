//! Whom the brokerage knows by the account that a unit came from. It must not show the account: that may be a phone number.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::signal::Source;
use dispatch_routing::held_work::{KnownPerson, PersonKind};

use crate::store::effects::last_ten;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// As JSON, for a column that a real database lacks is then simply absent. The tables are small.
const REALTORS: &str = "
SELECT p ->> 'realtor_id' AS id, p ->> 'name' AS name, p ->> 'phone' AS phone, p ->> 'slack_user_id' AS slack
FROM (SELECT to_jsonb(r) AS p FROM public.realtors AS r) AS rows WHERE p ->> 'deleted_at' IS NULL";

const STAFF: &str = "
SELECT p ->> 'staff_id' AS id, p ->> 'name' AS name, p ->> 'phone' AS phone, p ->> 'slack_user_id' AS slack
FROM (SELECT to_jsonb(s) AS p FROM public.staff AS s) AS rows WHERE p ->> 'deleted_at' IS NULL";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    slack: Option<String>,
}

/// Everybody whom the brokerage knows.
pub(crate) struct Everybody(Vec<(PersonKind, Row)>);

impl Everybody {
    /// A list that is not there, or may not be read, has nobody in it. Outside of any transaction, which it would end.
    pub(crate) async fn read(connection: &mut AsyncPgConnection) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        for (kind, statement) in [(PersonKind::Realtor, REALTORS), (PersonKind::Staff, STAFF)] {
            let rows = sql(statement).load::<Row>(connection).await.map_err(StoreError::from);
            match rows {
                Ok(rows) => all.extend(rows.into_iter().map(|row| (kind, row))),
                Err(error) if error.condition().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(all))
    }

    /// The only person of a list who has this account; realtors come first, for it is mostly they who write.
    pub(crate) fn by_account(&self, source: Source, author: &str) -> Option<KnownPerson> {
        let number = last_ten(author);
        let has_it = |row: &Row| match source {
            Source::Slack => row.slack.as_deref() == Some(author),
            Source::Api => false,
            Source::Sms => number.is_some() && row.phone.as_deref().and_then(last_ten) == number,
        };
        [PersonKind::Realtor, PersonKind::Staff].into_iter().find_map(|kind| {
            let mut fit = self.0.iter().filter(|(of, row)| *of == kind && has_it(row));
            let (_, only) = fit.next()?;
            let id = only.id.clone()?;
            fit.next().is_none().then(|| KnownPerson { kind, id, name: only.name.clone() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_known_by_the_account_of_the_door() {
        let row = |id: &str, phone: &str, slack: &str| Row {
            id: Some(id.to_owned()),
            name: None,
            phone: Some(phone.to_owned()),
            slack: Some(slack.to_owned()),
        };
        let all = Everybody(vec![
            (PersonKind::Staff, row("s1", "416 555 0101", "U1")),
            (PersonKind::Realtor, row("r1", "(416) 555-0101", "U2")),
            (PersonKind::Realtor, row("r2", "", "U3")),
            (PersonKind::Realtor, row("r3", "", "U3")),
        ]);
        let known = |source, author| all.by_account(source, author).map(|person| person.id);
        assert_eq!(known(Source::Slack, "U1").as_deref(), Some("s1"));
        assert_eq!(known(Source::Sms, "+14165550101").as_deref(), Some("r1"), "both have it");
        assert_eq!(known(Source::Slack, "U3"), None, "a guess that fits two is no guess");
        assert_eq!(known(Source::Sms, "U2"), None);
        assert_eq!(known(Source::Slack, "+14165550101"), None);
    }
}
