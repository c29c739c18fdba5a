//! What every [`FlipWatch`] owes its callers.

use crate::helm::Traffic;
use crate::ports::flag::{ApiVersion, Steering};
use crate::ports::flip_watch::{
    Answered, Compared, FlipWatch, ShadowDifference, UNSTEERED, WatchEnd, WatchState, Watched,
};
use std::collections::BTreeMap;
use std::time::Duration;

const LASTS: Duration = Duration::from_secs(600);

fn answered(mark: &str, contract: &'static str, traffic: Traffic) -> BTreeMap<Answered, Traffic> {
    BTreeMap::from([(Answered { route: "/classify", contract, mark: mark.to_owned() }, traffic)])
}

fn old() -> Steering {
    Steering::all_to(ApiVersion::Operations)
}

/// From the old contract to the new one for some of the authors.
fn watched(mark: &str) -> Watched {
    Watched::new(mark, old(), Steering { version: ApiVersion::Dispatch, percent: 5, shadow: false })
}

/// The contract of [`FlipWatch`], on an empty one. `pass` lets time pass for its clock.
///
/// # Panics
/// When it is broken.
pub async fn flip_watch_contract(watch: &dyn FlipWatch, pass: impl AsyncFn(Duration)) {
    assert_eq!(watch.claim("m-1").await.expect("answers"), None);
    assert_eq!(watch.state("m-9").await.expect("answers"), None);
    judges_what_was_introduced_by_what_was_there(watch, &pass).await;
    leaves_out_what_was_taken_back(watch).await;
    ends_what_was_overtaken(watch, &pass).await;
    gives_the_last_word_in_time(watch, &pass).await;
    counts_differences(watch).await;
    watch.purge().await.expect("answers");
}

async fn judges_what_was_introduced_by_what_was_there(watch: &dyn FlipWatch, pass: &impl AsyncFn(Duration)) {
    let before = Traffic { answered: 100, failed: 1, slow: 2 };
    watch.add(&answered("m-1", "operations", before)).await.expect("added");
    watch.add(&answered(UNSTEERED, "operations", before)).await.expect("added");
    let other = Traffic { answered: 50, failed: 50, slow: 50 };
    watch.add(&answered("m-1", "dispatch", other)).await.expect("added");
    watch.arm(&watched("m-2"), LASTS).await.expect("armed");
    let since = Traffic { answered: 10, failed: 5, slow: 0 };
    watch.add(&answered("m-2", "dispatch", since)).await.expect("added");
    watch.add(&answered("m-2", "dispatch", since)).await.expect("added");
    watch.add(&answered("m-2", "operations", Traffic { answered: 950, ..other })).await.expect("added");
    watch.add(&answered("m-1", "operations", other)).await.expect("added");

    let due = watch.claim("m-2").await.expect("answers").expect("one is watched");
    assert_eq!((due.watched.mark.as_str(), due.watched.back, due.is_over), ("m-2", old(), false));
    assert_eq!(due.watched.contract, ApiVersion::Dispatch);
    assert_eq!(due.since, since.and(since), "of the contract that was introduced, and of no other");
    assert_eq!(due.before, before, "what the other one had answered when it was armed");
    assert_eq!(watch.claim("m-2").await.expect("answers"), None, "one replica judges at a time");
    let left = watch.state("m-2").await.expect("answers").expect("known").left.expect("still watched");
    assert!(left <= LASTS && left > Duration::from_secs(500), "{left:?}");
    pass(Duration::from_secs(700)).await;
    assert!(watch.claim("m-2").await.expect("answers").expect("its judge may have died").is_over);
    let end = WatchEnd::FlippedBack("50 % of 20 requests failed".into());
    watch.end("m-2", &end).await.expect("ended");
    watch.end("m-2", &WatchEnd::Passed("all".into())).await.expect("answers");
    let state = WatchState { left: None, end: Some(end) };
    assert_eq!(watch.state("m-2").await.expect("answers"), Some(state), "the first end counts");
    pass(Duration::from_secs(60)).await;
    assert_eq!(watch.claim("m-2").await.expect("answers"), None);
}

/// What failed under a flip that was taken back is no measure for the next one.
async fn leaves_out_what_was_taken_back(watch: &dyn FlipWatch) {
    let back = Watched::new("m-2a", Steering::all_to(ApiVersion::Dispatch), old());
    watch.arm(&back, LASTS).await.expect("armed");
    let due = watch.claim("m-2a").await.expect("answers").expect("one is watched");
    assert_eq!(due.before, Traffic { answered: 50, failed: 50, slow: 50 }, "by dispatch, without m-2");
    watch.end("m-2a", &WatchEnd::Unjudged("nobody was there".into())).await.expect("ended");
    let end = watch.state("m-2a").await.expect("answers").expect("known").end;
    assert_eq!(end, Some(WatchEnd::Unjudged("nobody was there".into())));
}

async fn ends_what_was_overtaken(watch: &dyn FlipWatch, pass: &impl AsyncFn(Duration)) {
    let end = async || watch.state("m-3").await.expect("answers").expect("known").end;
    watch.arm(&watched("m-3"), LASTS).await.expect("armed");
    pass(Duration::from_secs(20)).await;
    assert_eq!(watch.claim("m-4").await.expect("answers"), None, "another change is in force");
    assert_eq!(end().await, None, "what is armed may not be in force yet");
    assert!(watch.claim("m-3").await.expect("answers").is_some());
    assert_eq!(watch.claim("m-4").await.expect("answers"), None);
    assert_eq!(end().await, None, "whoever has not heard of it yet does not end it");
    pass(Duration::from_secs(10)).await;
    assert_eq!(watch.claim("m-4").await.expect("answers"), None);
    assert_eq!(end().await, Some(WatchEnd::Overtaken));

    watch.arm(&watched("m-5"), LASTS).await.expect("armed");
    pass(Duration::from_secs(70)).await;
    assert_eq!(watch.claim("m-4").await.expect("answers"), None);
    let never = watch.state("m-5").await.expect("answers").expect("known").end;
    assert_eq!(never, Some(WatchEnd::Overtaken), "it never came into force");
}

async fn gives_the_last_word_in_time(watch: &dyn FlipWatch, pass: &impl AsyncFn(Duration)) {
    watch.arm(&watched("m-6"), Duration::from_secs(3)).await.expect("armed");
    assert!(!watch.claim("m-6").await.expect("answers").expect("one is watched").is_over);
    pass(Duration::from_secs(3)).await;
    assert!(watch.claim("m-6").await.expect("answers").expect("no claim outlasts the watch").is_over);
    let end = WatchEnd::Passed("3 requests, too few to judge".into());
    watch.end("m-6", &end).await.expect("ended");
    assert_eq!(watch.state("m-6").await.expect("answers").expect("known").end, Some(end));
}

async fn counts_differences(watch: &dyn FlipWatch) {
    let difference = |fields: &[&str]| {
        let fields = fields.iter().map(ToString::to_string).collect();
        ShadowDifference { route: "/classify", trace_id: "t".into(), fields }
    };
    watch.differs(&[difference(&["task_key", "due_date"]), difference(&["task_key"])]).await.expect("recorded");
    let found = watch.differences().await.expect("answers");
    let one = |field: &str, times| ("/classify".to_owned(), field.to_owned(), times);
    assert_eq!(found, [one("task_key", 2), one("due_date", 1)]);
    let recent = watch.recent().await.expect("answers");
    let of = |contract| recent.iter().find(|lately| lately.contract == contract).expect("by route and contract");
    let (old, new) = (of(ApiVersion::Operations), of(ApiVersion::Dispatch));
    assert_eq!((old.route.as_str(), old.hour.answered, old.week), ("/classify", 1200, old.hour), "{old:?}");
    assert_eq!((new.hour.answered, recent.len()), (70, 2), "{new:?}");

    let some = |compared, differed| BTreeMap::from([("/classify", Compared { compared, differed })]);
    watch.compared(&some(5, 2)).await.expect("added");
    watch.compared(&some(1, 0)).await.expect("added");
    let sum = Compared { compared: 6, differed: 2 };
    assert_eq!(watch.comparisons().await.expect("answers"), [("/classify".to_owned(), sum)]);
}
