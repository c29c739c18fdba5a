//! Searches on a real server: the contract on rows that are really there, and a database that began as Operations Center.

use diesel_async::SimpleAsyncConnection as _;
use dispatch_mission::people::Sight;
use dispatch_pipeline::ports::records::{
    DeliverySearch, ListingSearch, MissionSearch, PersonHit, Records, RecordsError, Viewer,
};
use dispatch_pipeline::testing::records::{World, account_of, records_contract, world};
use dispatch_postgres::connect::{PoolOptions, pool_with};
use dispatch_postgres::store::PgRecords;
use dispatch_postgres::testing::TestDatabase;
use std::fmt::Write as _;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn maybe(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

fn at(value: Option<OffsetDateTime>) -> String {
    maybe(value.map(|at| at.format(&Rfc3339).unwrap()).as_deref())
}

/// The invented brokerage as rows.
fn rows(world: &World) -> String {
    let mut sql = String::new();
    people(world, &mut sql);
    missions(world, &mut sql);
    work(world, &mut sql);
    sql
}

fn people(world: &World, sql: &mut String) {
    for person in &world.people {
        let status = if person.works_here { "active" } else { "inactive" };
        match &person.hit {
            PersonHit::Staff { staff_id, name, role } => write!(
                sql,
                "INSERT INTO staff (staff_id, email, name, role, slack_user_id, status)
                 VALUES ({0}, {0} || '@example.com', {1}, '{2}', {3}, '{status}');",
                text(&staff_id.0),
                text(name),
                role.unwrap().as_str(),
                text(&account_of(&staff_id.0)),
            ),
            PersonHit::Realtor { realtor_id, name } => write!(
                sql,
                "INSERT INTO realtors (realtor_id, email, name, slack_user_id, status)
                 VALUES ({0}, {0} || '@example.com', {1}, {2}, '{status}');",
                text(&realtor_id.0),
                text(name),
                text(&account_of(&realtor_id.0)),
            ),
        }
        .unwrap();
    }
    for (listing, realtor) in &world.listings {
        write!(
            sql,
            "INSERT INTO listings (listing_id, address_string, status, realtor_id, type) VALUES ({}, {}, {}, {}, 'SALE');",
            text(&listing.listing_id.0),
            maybe(listing.address.as_deref()),
            text(&listing.status),
            maybe(realtor.as_ref().map(|id| id.0.as_str())),
        )
        .unwrap();
    }
    sql.push_str("INSERT INTO listings (listing_id, address_string, deleted_at) VALUES ('listing-gone', '12 Elm Street', now());");
}

fn missions(world: &World, sql: &mut String) {
    for hit in &world.missions {
        let mission = &hit.mission;
        let (table, group) = match mission.visibility {
            Some(group) => ("dispatch_activities", format!("'{}'", group.as_str())),
            None => ("dispatch_agent_tasks", String::new()),
        };
        let (column, comma) = if group.is_empty() { ("", "") } else { ("visibility_group", ", ") };
        write!(
            sql,
            "INSERT INTO {table} (mission_id, listing_id, realtor_id, name, description, mission_status, assigned_staff_id,
                 due_date, claimed_at, completed_at, created_at, deleted_at{comma}{column})
             VALUES ({}, {}, {}, {}, {}, '{}', {}, {}, {}, {}, {}, {}{comma}{group});
             INSERT INTO dispatch.mission_facts (mission_id, kind, needs_info) VALUES ({}, '{}', {});",
            text(&mission.mission_id.0),
            maybe(mission.listing_id.as_ref().map(|id| id.0.as_str())),
            maybe(mission.realtor_id.as_ref().map(|id| id.0.as_str())),
            text(&mission.title),
            maybe(mission.description.as_deref()),
            mission.status.stored(),
            maybe(mission.assigned_to.as_ref().map(|id| id.0.as_str())),
            at(mission.due_at),
            at(mission.claimed_at),
            at(mission.completed_at),
            at(Some(mission.created_at)),
            at(mission.deleted_at),
            text(&mission.mission_id.0),
            mission.kind.as_str(),
            if mission.status.as_str() == "needs_info" { "'which day'" } else { "NULL" },
        )
        .unwrap();
    }
}

fn work(world: &World, sql: &mut String) {
    for (signal, author) in &world.signals {
        let held = world.held.iter().find(|held| Some(held.unit_id) == signal.unit_id);
        let unit = signal.unit_id.unwrap();
        write!(
            sql,
            "INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, state, reason, classification_id,
                 opened_at, closed_at)
             VALUES ('{unit}', '{0}', 'T1', 'C1', 'c-{unit}', {author}, '{state}', {reason}, {classification}, {at}, {at});
             INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref, content_key,
                 state, unit_id, occurred_at, received_at, payload)
             VALUES ('{1}', '{0}', 'T1', 'C1', 'c-{unit}', {author}, {text}, 'r-{unit}', 'k-{unit}', 'queued', '{unit}', {at}, {at}, '{{}}');",
            signal.source.as_str(),
            signal.signal_id,
            author = text(author),
            state = if held.is_some() { "held" } else { "routed" },
            reason = maybe(held.map(|held| held.reason.as_str())),
            classification = maybe(held.and_then(|held| held.classification_id).map(|id| id.to_string()).as_deref()),
            at = at(Some(signal.received_at)),
            text = text(&signal.excerpt),
        )
        .unwrap();
        if let Some(held) = held {
            write!(
                sql,
                "INSERT INTO dispatch.classifications (classification_id, unit_id, schema_version, message_type, task_key, confidence,
                     explanations, provenance) VALUES ('{}', '{unit}', 1, 'STRAY', 'OPS_MISC_TASK', {}, '[\"no clear request\"]', '{{}}');",
                held.classification_id.unwrap(),
                held.confidence.unwrap(),
            )
            .unwrap();
        }
    }
    for delivery in &world.deliveries {
        write!(
            sql,
            "INSERT INTO dispatch.classifications (classification_id, unit_id, schema_version, message_type, task_key, confidence, provenance)
             VALUES ('{0}', '{1}', 1, 'STRAY', 'OPS_MISC_TASK', 0.9, '{{}}') ON CONFLICT DO NOTHING;
             INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason)
             VALUES ('{0}', '{1}', '{0}', 'stray', true, 'r') ON CONFLICT DO NOTHING;
             INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, reason, attempts,
                 created_at, next_attempt_at)
             VALUES ('{2}', '{0}', '{1}', '{3}', '{{}}', '{{}}', '{4}', {5}, {6}, {7}, coalesce({8}::timestamptz, 'infinity'));",
            delivery.dispatch_id,
            delivery.unit_id,
            delivery.delivery_id,
            delivery.kind,
            delivery.state,
            maybe(delivery.reason.as_deref()),
            delivery.attempts,
            at(Some(delivery.created_at)),
            at(delivery.next_attempt_at),
        )
        .unwrap();
    }
}

#[tokio::test]
async fn searches_keep_the_contract() {
    let database = TestDatabase::new().await;
    let world = world();
    database.execute(&rows(&world)).await;
    let records = PgRecords::new(database.pool());
    records_contract(&records).await;

    let viewer = Viewer { sight: Sight::ALL, observes: true, staff: None };
    let deliveries = records.deliveries(&viewer, &DeliverySearch::default(), 50).await.unwrap().items;
    let mut expected = world.deliveries.clone();
    expected.sort_by_key(|hit| std::cmp::Reverse((hit.created_at, hit.delivery_id)));
    assert_eq!(deliveries, expected);
    let twice = DeliverySearch {
        states: ["delivered", "exhausted", "delivered", "exhausted"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let found = records.deliveries(&viewer, &twice, 50).await.unwrap().items;
    expected.retain(|hit| hit.state == "delivered" || hit.state == "exhausted");
    assert!(!found.is_empty() && found == expected, "each once: {found:?}");
    // A deleted message, and a change of one, are no messages.
    database.execute("UPDATE dispatch.signals SET amended_at = 'infinity' WHERE source = 'sms'").await;
    assert_eq!(records.signals(&viewer, &Default::default(), 50).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_search_that_takes_long_gives_up_and_changes_no_session() {
    let database = TestDatabase::new().await;
    // Without a limit of the search's own, it would never end.
    let options = PoolOptions { statement_timeout: Duration::ZERO, ..PoolOptions::new(1) };
    let pool = pool_with(database.url(), options).unwrap();
    let records = PgRecords::new(pool.clone());
    let viewer = Viewer { sight: Sight::ALL, observes: true, staff: None };
    let mut other = database.connect().await;
    other.batch_execute("BEGIN; LOCK TABLE dispatch.deliveries").await.unwrap();
    let blocked = records.deliveries(&viewer, &DeliverySearch::default(), 5).await;
    assert!(matches!(blocked, Err(RecordsError::Unavailable(_))), "{blocked:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(records.deliveries(&viewer, &DeliverySearch::default(), 5).await.unwrap().items.is_empty());
    let mut connection = pool.get().await.unwrap();
    connection
        .batch_execute(
            "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0'; ASSERT current_setting('transaction_read_only') = 'off'; END $$",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn before_the_cut_overs_expand_missions_wait_and_the_rest_is_found() {
    let database = TestDatabase::legacy("CREATE TABLE public.activities (task_id text PRIMARY KEY)").await;
    dispatch_postgres::migrate::run(database.url(), dispatch_postgres::migrate::Which::All).await.unwrap();
    let records = PgRecords::new(database.pool());
    let viewer = Viewer { sight: Sight::ALL, observes: true, staff: None };
    let missions = records.missions(&viewer, &MissionSearch::default(), 5).await;
    assert!(matches!(missions, Err(RecordsError::CutoverExpandDue)), "{missions:?}");
    let listings = records.listings(&viewer, &ListingSearch::default(), 5).await;
    assert!(matches!(listings, Err(RecordsError::CutoverExpandDue)), "{listings:?}");
    assert!(records.people("sam", 5).await.unwrap().items.is_empty());
    assert!(records.signals(&viewer, &Default::default(), 5).await.unwrap().items.is_empty());
    assert!(records.held(&viewer, 5).await.unwrap().items.is_empty());
    assert!(records.deliveries(&viewer, &DeliverySearch::default(), 5).await.unwrap().items.is_empty());
}
