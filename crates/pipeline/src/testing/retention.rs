//! What every [`Retention`] owes its callers, whatever the matter.

use crate::ports::retention::{Ages, Cursor, Matter, Retention, Rows, Step, Turn};
use async_trait::async_trait;
use std::time::Duration;

/// A store under test, and what can be done to it from outside.
#[async_trait]
pub trait RetentionWorld: Send + Sync {
    /// The store, empty when the suite begins, and used by nobody else.
    fn store(&self) -> &dyn Retention;

    /// Makes so many of `matter` that are finished at this moment.
    async fn finished(&self, matter: Matter, count: u32);

    /// Lets time pass for everything that there is.
    async fn pass(&self, time: Duration);

    /// How many of `matter` are still there.
    async fn left(&self, matter: Matter) -> u64;
}

const DAY: Duration = Duration::from_hours(24);
const PAUSE: Duration = Duration::from_hours(1);

/// The contract of [`Retention`] for one matter, on a world of its own.
///
/// # Panics
/// When it is broken.
pub async fn retention_contract(world: &dyn RetentionWorld, matter: Matter) {
    let ages = Ages::default();
    world.finished(matter, 5).await;
    world.pass(ages.of(matter) - DAY).await;
    world.finished(matter, 2).await;
    assert_eq!(walked(world, matter, &ages).await, (Rows::default(), 1), "{matter:?}: nothing is old");
    assert_eq!(world.left(matter).await, 7, "{matter:?}");

    world.pass(DAY + DAY / 2).await;
    let expected = previewed(world, matter, &ages).await;
    assert!(expected.total() >= 5, "{matter:?}: {expected:?}");
    assert_eq!(world.left(matter).await, 7, "{matter:?}: a preview removes nothing");
    let (removed, steps) = walked(world, matter, &ages).await;
    assert_eq!(removed, expected, "{matter:?}: what was foretold");
    assert_eq!(world.left(matter).await, 2, "{matter:?}: what is young stays");
    assert!(steps >= 3, "{matter:?}: {steps} steps of two rows");
    assert_eq!(walked(world, matter, &ages).await.0, Rows::default(), "{matter:?}: once");

    world.pass(ages.of(matter)).await;
    shares_one_walk(world, matter, &ages).await;
    assert_eq!(world.left(matter).await, 0, "{matter:?}");
}

/// A walk of the caller's own, two rows at a time: what went, and in how many steps.
async fn walked(world: &dyn RetentionWorld, matter: Matter, ages: &Ages) -> (Rows, u32) {
    let (mut rows, mut steps, mut from) = (Rows::default(), 0, Some(Cursor::default()));
    while let Some(cursor) = from {
        let step = world.store().step(matter, ages, &cursor, 2).await.expect("answers").expect("nobody else is at it");
        rows.add(&step.rows);
        steps += 1;
        from = step.next;
    }
    // Where nothing goes the number of steps says nothing.
    let steps = if rows.total() == 0 { 1 } else { steps };
    (rows, steps)
}

async fn previewed(world: &dyn RetentionWorld, matter: Matter, ages: &Ages) -> Rows {
    let (mut rows, mut from) = (Rows::default(), Some(Cursor::default()));
    while let Some(cursor) = from {
        let step = world.store().preview(matter, ages, &cursor, 2).await.expect("answers");
        rows.add(&step.rows);
        from = step.next;
    }
    rows
}

/// Two callers move one cursor; when the walk is over it rests.
async fn shares_one_walk(world: &dyn RetentionWorld, matter: Matter, ages: &Ages) {
    let turn = async || world.store().turn(matter, ages, 1, PAUSE).await.expect("answers");
    let mut rows = Rows::default();
    let mut turns = 0;
    loop {
        let (one, other) = tokio::join!(turn(), turn());
        let stepped: Vec<Step> = [one, other]
            .into_iter()
            .filter_map(|turn| match turn {
                Turn::Stepped(step) => Some(step),
                Turn::Rests => None,
            })
            .collect();
        stepped.iter().for_each(|step| rows.add(&step.rows));
        turns += 1;
        if stepped.iter().any(|step| step.next.is_none()) {
            break;
        }
        assert!(turns < 10_000, "{matter:?}: the walk has an end");
    }
    assert!(rows.total() >= 2, "{matter:?}: {rows:?}");
    assert_eq!(turn().await, Turn::Rests, "{matter:?}: it is over");
    world.pass(PAUSE).await;
    assert!(matches!(turn().await, Turn::Stepped(_)), "{matter:?}: and due again");
}
