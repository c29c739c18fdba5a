//! What every [`FlagStore`] and every [`FlagLedger`] owes its callers.

use crate::ports::flag::{ApiVersion, Change, ChangeCursor, Flag, FlagLedger, FlagStore, Steering};
use std::time::Duration;

/// The contract of [`FlagStore`], on a store where nobody has set the flag.
///
/// # Panics
/// When it is broken.
pub async fn flag_store_contract(store: &dyn FlagStore) {
    assert_eq!(store.read().await.expect("answers"), None, "the suite needs a flag that nobody has set");
    let old = Steering::all_to(ApiVersion::Operations);
    let seeded = store.seed(old).await.expect("seeded");
    assert_eq!(seeded.steering, old);
    let again = store.seed(Steering::all_to(ApiVersion::Dispatch)).await.expect("seeded before");
    assert_eq!(again, seeded, "a seed is no change");
    assert_eq!(store.read().await.expect("answers"), Some(seeded.clone()));

    let part = Steering { version: ApiVersion::Dispatch, percent: 25, shadow: true };
    let change = |steering| Change { flag: store.mint(steering), by: "user:s-1".into(), reason: None };
    let first = change(part);
    assert_eq!(store.read().await.expect("answers"), Some(seeded.clone()), "what is minted is not in force");
    assert!(store.write(&first, None).await.expect("written"));
    let changed = first.flag;
    assert_eq!(changed.steering, part);
    assert_ne!(changed.mark, seeded.mark, "another change has another mark");
    assert_eq!(store.read().await.expect("answers"), Some(changed.clone()));
    let same = change(part);
    assert_ne!(same.flag.mark, changed.mark, "the same value, set again, is another change");
    assert!(!store.write(&same, Some(&seeded.mark)).await.expect("answers"), "that one is in force no more");
    assert_eq!(store.read().await.expect("answers"), Some(changed.clone()), "so nothing has changed");
    assert!(store.write(&same, Some(&changed.mark)).await.expect("written"));
    assert_eq!(store.read().await.expect("answers"), Some(same.flag));
    // Whoever waits may be told, and must not be kept from polling.
    let _ = tokio::time::timeout(Duration::from_millis(50), store.stirred()).await;
}

/// The contract of [`FlagLedger`], on an empty ledger.
///
/// # Panics
/// When it is broken.
pub async fn flag_ledger_contract(ledger: &dyn FlagLedger) {
    assert!(ledger.history(10, None).await.expect("answers").is_empty(), "the suite needs an empty ledger");
    let flag = |version, mark: &str| Flag { steering: Steering::all_to(version), mark: mark.to_owned() };
    let (old, new) = (flag(ApiVersion::Operations, "m-1"), flag(ApiVersion::Dispatch, "m-2"));
    ledger.record(&old, "seed", None).await.expect("recorded");
    ledger.record(&new, "user:s-1", Some("cut-over")).await.expect("recorded");
    ledger.record(&new, "user:s-1", Some("cut-over")).await.expect("recorded before");
    let history = ledger.history(10, None).await.expect("answers");
    assert_eq!(history.iter().map(|change| &change.flag).collect::<Vec<_>>(), [&new, &old]);
    assert_eq!((history[0].by.as_str(), history[0].reason.as_deref()), ("user:s-1", Some("cut-over")));
    let page = ledger.history(1, None).await.expect("answers").remove(0);
    let after = ChangeCursor { at: page.at, mark: page.flag.mark };
    let rest = ledger.history(10, Some(&after)).await.expect("answers");
    assert_eq!(rest.iter().map(|change| &change.flag).collect::<Vec<_>>(), [&old], "the page after");
    assert!(!ledger.began_elsewhere().await.expect("answers"));

    ledger.serves("b", "m-1").await.expect("noted");
    ledger.serves("a", "m-1").await.expect("noted");
    let before = ledger.replicas().await.expect("answers");
    assert_eq!(before.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(before.iter().all(|one| one.mark == "m-1" && one.is_live()), "{before:?}");
    ledger.serves("a", "m-1").await.expect("noted");
    ledger.serves("b", "m-2").await.expect("noted");
    let after = ledger.replicas().await.expect("answers");
    assert_eq!(after[0].since, before[0].since, "a heartbeat is no change");
    assert!(after[1].mark == "m-2" && after[1].since >= before[1].since);
    ledger.leaves("a").await.expect("noted");
    assert_eq!(ledger.replicas().await.expect("answers").len(), 1);
}
