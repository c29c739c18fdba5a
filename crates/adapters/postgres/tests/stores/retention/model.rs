//! A world of many units in every state and age, against the rule in plain words: nothing younger than its limit goes, and
//! everything that is older and not needed does.

use dispatch_pipeline::ports::retention::Matter;
use dispatch_postgres::testing::TestDatabase;
use serde_json::Value;

use super::World;

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn of<T: Copy>(&mut self, sides: &[T]) -> T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let side = usize::try_from(self.0 >> 33).unwrap() % sides.len();
        sides[side]
    }
}

/// One unit as it was thrown, ages in days.
#[derive(Debug)]
struct Thrown {
    unit: &'static str,
    unit_age: i64,
    delivery: &'static str,
    delivery_age: i64,
    mission: &'static str,
    mission_age: i64,
}

const WORK: i64 = 180;
const DEAD: i64 = 365;
const BODIES: i64 = 90;

impl Thrown {
    fn any(dice: &mut Dice) -> Self {
        let ages = [0, 29, 89, 91, 179, 181, 200, 364, 366, 1000];
        let unit_age = dice.of(&ages);
        let younger = |dice: &mut Dice| dice.of(&ages).min(unit_age);
        Self {
            unit: dice.of(&[
                "routed",
                "routed",
                "routed",
                "ignored",
                "expired",
                "dismissed",
                "held",
                "pending",
                "dead",
            ]),
            unit_age,
            delivery: dice.of(&["none", "delivered", "delivered", "cancelled", "failed", "unknown", "pending", "held"]),
            delivery_age: younger(dice),
            mission: dice.of(&["none", "none", "DONE", "CANCELLED", "OPEN", "CLAIMED", "FAILED"]),
            mission_age: younger(dice),
        }
    }

    fn mission_is_over(&self) -> bool {
        matches!(self.mission, "none" | "DONE" | "CANCELLED" | "FAILED")
    }

    fn is_finished(&self) -> bool {
        !matches!(self.unit, "held" | "pending") && !matches!(self.delivery, "pending" | "held")
    }

    /// The rule of the work.
    fn goes(&self) -> bool {
        let unit_limit = if self.unit == "dead" { DEAD } else { WORK };
        let delivery_limit = if matches!(self.delivery, "failed" | "unknown") { DEAD } else { WORK };
        let delivery_is_old = self.delivery == "none" || self.delivery_age > delivery_limit;
        let mission_is_old = self.mission == "none" || self.mission_age > WORK;
        self.is_finished() && self.unit_age > unit_limit && delivery_is_old && self.mission_is_over() && mission_is_old
    }

    /// The rule of the words.
    fn is_emptied(&self) -> bool {
        self.is_finished() && self.unit != "dead" && self.unit_age > BODIES && self.mission_is_over()
    }

    /// As rows. Ids grow with age, as minted ones do.
    fn rows(&self, number: usize) -> String {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        let ago = |days: i64| format!("now() - {days} * interval '1 day' - interval '1 hour'");
        let (unit_age, delivery_age, mission_age) = (ago(self.unit_age), ago(self.delivery_age), ago(self.mission_age));
        let settled = if matches!(self.unit, "held" | "pending") { "NULL" } else { unit_age.as_str() };
        let mut sql = format!(
            "INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, state, opened_at,
                 closed_at, settled_at, next_attempt_at)
             VALUES ('{id}', 'slack', 'T1', 'C{number}', 'slack/T1/C{number}/-', 'U1', '{}', {unit_age}, {unit_age},
                 {settled}, 'infinity');
             INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref,
                 content_key, state, unit_id, occurred_at, received_at, payload)
             VALUES ('{id}', 'slack', 'T1', 'C{number}', 'slack/T1/C{number}/-', 'U1', 'words', '1.{number}', '{id}',
                 'queued', '{id}', {unit_age}, {unit_age}, '{{\"text\": \"words\"}}');
             INSERT INTO dispatch.classifications (classification_id, unit_id, schema_version, message_type, confidence,
                 provenance, created_at) VALUES ('{id}', '{id}', 1, 'IGNORE', 0.9, '{{}}', {unit_age});
             INSERT INTO dispatch.timeline (at, step, event, unit_id) VALUES ({unit_age}, 'reason', 'unit.classified', '{id}');",
            self.unit
        );
        if self.delivery != "none" {
            let done = if matches!(self.delivery, "pending" | "held") { "NULL" } else { delivery_age.as_str() };
            sql.push_str(&format!(
                "INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason,
                     created_at) VALUES ('{id}', '{id}', '{id}', 'r', true, 'r', {unit_age});
                 INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state,
                     created_at, settled_at, next_attempt_at)
                 VALUES ('{id}', '{id}', '{id}', 'slack', '{{}}', '{{}}', '{}', {unit_age}, {done}, 'infinity');",
                self.delivery
            ));
        }
        if self.mission != "none" {
            sql.push_str(&format!(
                "INSERT INTO dispatch.effects (effect_key, mission_id) VALUES ('{id}/dispatch_agent_tasks/0', '{id}');
                 INSERT INTO dispatch.mission_facts (mission_id, kind, unit_id, standing, is_over, changed_at)
                 SELECT '{id}', 'agent_task', '{id}', dispatch.mission_standing(m), dispatch.mission_is_over(m),
                     {mission_age} FROM (VALUES ('{{\"mission_status\": \"{}\"}}'::jsonb)) AS v (m);",
                self.mission
            ));
        }
        sql
    }
}

/// The units that a column of these rows names.
async fn named(database: &TestDatabase, query: &str) -> Vec<usize> {
    let number = |row: &Value| row["id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
    database.json(query).await.iter().map(number).collect()
}

#[tokio::test]
async fn what_goes_and_what_stays_is_as_the_rule_says() {
    let world = World::new().await;
    let mut dice = Dice(20_261_128);
    let mut thrown: Vec<Thrown> = (0..800).map(|_| Thrown::any(&mut dice)).collect();
    thrown.sort_by_key(|one| -one.unit_age);
    let rows: Vec<String> = thrown.iter().enumerate().map(|(number, one)| one.rows(number)).collect();
    world.database.execute(&rows.concat()).await;
    let of = |rule: fn(&Thrown) -> bool| -> Vec<usize> {
        thrown.iter().enumerate().filter(|(_, one)| rule(one)).map(|(number, _)| number).collect()
    };
    let (going, staying, emptied) = (of(Thrown::goes), of(|one| !one.goes()), of(Thrown::is_emptied));
    assert!(going.len() > 20 && emptied.len() > 40, "the dice are fair: {} {}", going.len(), emptied.len());

    world.removes(Matter::Bodies).await;
    let empty = "SELECT signal_id AS id FROM dispatch.signals WHERE emptied_at IS NOT NULL AND text = '' ORDER BY 1";
    assert_eq!(named(&world.database, empty).await, emptied);
    let whole = world.count("signals WHERE text = 'words' AND payload <> '{}' AND emptied_at IS NULL").await;
    assert_eq!(usize::try_from(whole).unwrap(), thrown.len() - emptied.len());

    for matter in Matter::ALL {
        world.removes(matter).await;
    }
    for (table, id) in [("units", "unit_id"), ("signals", "signal_id"), ("classifications", "classification_id")] {
        let left = named(&world.database, &format!("SELECT {id} AS id FROM dispatch.{table} ORDER BY 1")).await;
        assert_eq!(left, staying, "{table}");
    }
    let lost = "SELECT u.unit_id AS id FROM dispatch.units AS u
        WHERE NOT EXISTS (SELECT FROM dispatch.timeline AS t WHERE t.unit_id = u.unit_id)";
    assert!(named(&world.database, lost).await.is_empty(), "each has its story");
    let staying_with = |has: fn(&Thrown) -> bool| staying.iter().filter(|number| has(&thrown[**number])).count();
    for (table, expected) in [
        ("deliveries", staying_with(|one| one.delivery != "none")),
        ("effects", staying_with(|one| one.mission != "none")),
    ] {
        assert_eq!(usize::try_from(world.count(table).await).unwrap(), expected, "{table}");
    }
}
