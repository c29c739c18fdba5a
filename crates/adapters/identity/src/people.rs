//! `People`, remembered for a few seconds: every request of a person asks who that is. Must not know where staff is kept.

use crate::remembered::Remembered;
use async_trait::async_trait;
use dispatch_mission::people::{Login, People, PeopleError, StaffMember};
use std::sync::Arc;
use std::time::Duration;

/// A change of role or status counts after this time.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The people behind it, asked at most once in five seconds for each login.
pub struct RememberedPeople {
    people: Arc<dyn People>,
    known: Remembered<Login, Option<StaffMember>>,
}

impl RememberedPeople {
    /// Over `people`.
    #[must_use]
    pub fn new(people: Arc<dyn People>) -> Self {
        Self { people, known: Remembered::new(REMEMBERED) }
    }
}

#[async_trait]
impl People for RememberedPeople {
    async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError> {
        if let Some(known) = self.known.get(login) {
            return Ok(known);
        }
        let found = self.people.staff_by_login(login).await?;
        self.known.put(login.clone(), found.clone());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_mission::ids::StaffId;
    use dispatch_mission::people::StaffRole;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Answers the first question only; then it is down.
    #[derive(Default)]
    struct Once(AtomicU32);

    #[async_trait]
    impl People for Once {
        async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError> {
            if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
                return Err(PeopleError("down".into()));
            }
            Ok(Some(StaffMember { staff_id: StaffId(login.subject.clone()), role: StaffRole::Support }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_five_seconds_and_a_failure_is_not_remembered() {
        let people = RememberedPeople::new(Arc::new(Once::default()));
        let ask =
            async |subject: &str| people.staff_by_login(&Login { subject: subject.to_owned(), email: None }).await;
        assert!(ask("sam").await.expect("asked").is_some());
        tokio::time::advance(REMEMBERED / 2).await;
        assert!(ask("sam").await.expect("remembered").is_some());
        assert!(ask("ann").await.is_err(), "another login is another question");
        tokio::time::advance(REMEMBERED).await;
        assert!(ask("sam").await.is_err());
    }
}
