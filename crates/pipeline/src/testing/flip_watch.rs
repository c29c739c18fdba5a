//! What every [`FlipWatch`] owes its callers.

use crate::helm::Traffic;
use crate::ports::flag::{ApiVersion, Steering};
use crate::ports::flip_watch::{Answered, FlipWatch, ShadowDifference, WatchEnd, WatchState, Watched};
use std::collections::BTreeMap;
use std::time::Duration;

fn answered(mark: &str, contract: &'static str, traffic: Traffic) -> BTreeMap<Answered, Traffic> {
    BTreeMap::from([(Answered { route: "/classify", contract, mark: mark.to_owned() }, traffic)])
}

/// The contract of [`FlipWatch`], on an empty one. `pass` lets time pass for its clock.
///
/// # Panics
/// When it is broken.
pub async fn flip_watch_contract(watch: &dyn FlipWatch, pass: impl AsyncFn(Duration)) {
    assert_eq!(watch.claim("m-1").await.expect("answers"), None);
    let before = Traffic { answered: 100, failed: 1, slow: 2 };
    watch.add(&answered("m-1", "operations", before)).await.expect("added");
    let back = Steering::all_to(ApiVersion::Operations);
    let watched = Watched { mark: "m-2".into(), back };
    watch.arm(&watched, Duration::from_secs(600)).await.expect("armed");
    let since = Traffic { answered: 10, failed: 5, slow: 0 };
    watch.add(&answered("m-2", "dispatch", since)).await.expect("added");
    watch.add(&answered("m-2", "dispatch", since)).await.expect("added");

    let due = watch.claim("m-2").await.expect("answers").expect("one is watched");
    assert_eq!((&due.watched, due.before, due.since, due.is_over), (&watched, before, since.and(since), false));
    assert_eq!(watch.claim("m-2").await.expect("answers"), None, "one replica judges at a time");
    let left = watch.state("m-2").await.expect("answers").expect("known").left.expect("still watched");
    assert!(left <= Duration::from_secs(600) && left > Duration::from_secs(500), "{left:?}");
    pass(Duration::from_secs(700)).await;
    assert!(watch.claim("m-2").await.expect("answers").expect("its judge may have died").is_over);
    let end = WatchEnd::FlippedBack("50 % of 20 requests failed".into());
    watch.end("m-2", &end).await.expect("ended");
    watch.end("m-2", &WatchEnd::Passed).await.expect("answers");
    let state = WatchState { left: None, end: Some(end) };
    assert_eq!(watch.state("m-2").await.expect("answers"), Some(state), "the first end counts");
    pass(Duration::from_secs(60)).await;
    assert_eq!(watch.claim("m-2").await.expect("answers"), None);

    watch.arm(&Watched { mark: "m-3".into(), back }, Duration::from_secs(600)).await.expect("armed");
    assert_eq!(watch.claim("m-4").await.expect("answers"), None, "another change is in force");
    let young = watch.state("m-3").await.expect("answers").expect("known");
    assert_eq!(young.end, None, "whoever has not heard of it yet does not end it");
    pass(Duration::from_secs(10)).await;
    assert_eq!(watch.claim("m-4").await.expect("answers"), None);
    let state = watch.state("m-3").await.expect("answers").expect("known");
    assert_eq!(state, WatchState { left: None, end: Some(WatchEnd::Overtaken) });
    assert_eq!(watch.state("m-9").await.expect("answers"), None);

    let difference = |fields: &[&str]| {
        let fields = fields.iter().map(ToString::to_string).collect();
        ShadowDifference { route: "/classify", trace_id: "t".into(), fields }
    };
    watch.differs(&[difference(&["task_key", "due_date"]), difference(&["task_key"])]).await.expect("recorded");
    let found = watch.differences().await.expect("answers");
    let one = |field: &str, times| ("/classify".to_owned(), field.to_owned(), times);
    assert_eq!(found, [one("task_key", 2), one("due_date", 1)]);
    assert_eq!(watch.recent().await.expect("answers").len(), 2, "by route and contract");
    watch.purge().await.expect("answers");
}
