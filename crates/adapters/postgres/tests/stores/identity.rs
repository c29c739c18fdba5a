//! API keys, and the staff behind a login.

use dispatch_mission::people::{Login, People, StaffRole};
use dispatch_pipeline::testing::api_keys_contract;
use dispatch_postgres::store::{PgApiKeys, PgPeople};
use dispatch_postgres::testing::TestDatabase;

#[tokio::test]
async fn api_keys_keep_their_contract() {
    let database = TestDatabase::new().await;
    api_keys_contract(&PgApiKeys::new(database.pool())).await;
    let kept = database.json("SELECT scopes FROM dispatch.api_keys WHERE scopes @> '{admin,intake}'").await;
    assert_eq!(kept.len(), 1, "scopes are words");
}

const STAFF: &str = "
INSERT INTO staff (staff_id, email, name, role, status, deleted_at) VALUES
    ('sub-ann', 'ann@example.com', 'Ann', 'admin', 'active', NULL),
    ('old-bob', 'bob@example.com', 'Bob', 'marketing', 'active', NULL),
    ('sub-eve', 'eve@example.com', 'Eve', 'admin', 'suspended', NULL),
    ('sub-fay', 'fay@example.com', 'Fay', 'support', 'inactive', NULL),
    ('sub-gus', 'gus@example.com', 'Gus', 'operations', 'active', now()),
    ('old-two', 'two@example.com', 'Two', 'admin', 'active', NULL),
    ('old-too', 'TWO@example.com', 'Too', 'admin', 'active', NULL);";

async fn asked(people: &PgPeople, subject: &str, email: Option<&str>) -> Option<(String, StaffRole)> {
    let login = Login { subject: subject.to_owned(), email: email.map(str::to_owned) };
    people.staff_by_login(&login).await.unwrap().map(|member| (member.staff_id.0, member.role))
}

#[tokio::test]
async fn a_login_means_the_active_member_with_its_id_or_else_its_address() {
    let database = TestDatabase::new().await;
    database.execute(STAFF).await;
    let people = PgPeople::new(database.pool());
    let ann = Some(("sub-ann".to_owned(), StaffRole::Admin));
    assert_eq!(asked(&people, "sub-ann", None).await, ann);
    assert_eq!(asked(&people, "sub-ann", Some("bob@example.com")).await, ann, "the id comes first");
    let bob = Some(("old-bob".to_owned(), StaffRole::Marketing));
    assert_eq!(asked(&people, "auth-1", Some("Bob@Example.com")).await, bob);
    for (subject, email) in [
        ("auth-1", None),
        ("auth-1", Some("nobody@example.com")),
        ("auth-1", Some("two@example.com")),
        ("auth-1", Some("%")),
        ("auth-1", Some("")),
        ("sub-eve", None),
        ("auth-1", Some("eve@example.com")),
        ("sub-eve", Some("ann@example.com")),
        ("sub-fay", None),
        ("sub-gus", None),
        ("SUB-ANN", None),
        ("a\0b", Some("ann@example.com")),
    ] {
        assert_eq!(asked(&people, subject, email).await, None, "{subject:?} {email:?}");
    }
}

#[tokio::test]
async fn where_there_is_no_staff_nobody_is_one_of_them() {
    let database = TestDatabase::empty().await;
    assert_eq!(asked(&PgPeople::new(database.pool()), "sub-ann", Some("ann@example.com")).await, None);
}
