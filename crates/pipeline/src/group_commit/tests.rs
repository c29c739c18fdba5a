//! Group commit over a log in memory whose commits wait for the test, refuse, panic or hang.

mod troubles;

use super::*;
use dispatch_mission::testing::{signal_log_contract, slack_signal};
use dispatch_mission::{signal::Disposition, signal_log::Outcome};
use futures_util::future::join_all;
use std::collections::HashMap;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Keeps the contract. Each commit takes a permit first; what a text begins with decides what becomes of it.
struct Fake {
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Receipt>,
    /// The texts of each batch that was tried.
    tried: Vec<Vec<String>>,
}

#[async_trait]
impl SignalLog for Fake {
    async fn append_all(&self, batch: Vec<NewSignal>) -> Answer {
        let any = |word: &str| batch.iter().any(|signal| signal.text.starts_with(word));
        if any("hangs") {
            std::future::pending::<()>().await;
        }
        self.permits.acquire().await.expect("never closed").forget();
        let mut state = self.state();
        state.tried.push(batch.iter().map(|signal| signal.text.clone()).collect());
        assert!(!any("panics"), "quoting somebody's words");
        if any("refused") {
            return Err(SignalLogError::Rejected("a value".into()));
        }
        if any("down") {
            return Err(SignalLogError::Unavailable("the database is away".into()));
        }
        Ok(batch.into_iter().map(|signal| state.append(signal)).collect())
    }
}

impl State {
    fn append(&mut self, signal: NewSignal) -> Receipt {
        let keys: Vec<String> = signal.keys.event.into_iter().chain([signal.keys.content]).collect();
        let first = keys.iter().find_map(|key| self.known.get(key).cloned());
        let ignored = match signal.disposition {
            Disposition::Ignore(reason) => Some(reason.to_owned()),
            Disposition::Queue | Disposition::Amend(_) => None,
        };
        let at = OffsetDateTime::UNIX_EPOCH;
        let new = Receipt { signal_id: signal.signal_id, received_at: at, outcome: Outcome::Appended, ignored };
        let receipt = first.map_or(new, |first| Receipt { outcome: Outcome::Duplicate, ..first });
        for key in keys {
            self.known.entry(key).or_insert_with(|| receipt.clone());
        }
        receipt
    }
}

impl Fake {
    /// Lets this many commits through.
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { permits: Semaphore::new(permits), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tried(&self) -> Vec<Vec<String>> {
        self.state().tried.clone()
    }

    fn stored(&self, text: &str) -> bool {
        self.state().known.contains_key(&signal(text).keys.content)
    }
}

const PLENTY: usize = 1000;

fn one_lane() -> Limits {
    Limits { lanes: 1, ..Limits::default() }
}

/// Its text is its `ts`.
fn signal(text: &str) -> NewSignal {
    slack_signal("U1", text, text)
}

fn send(group: &Arc<GroupCommit>, text: &str) -> JoinHandle<Answer> {
    let (group, signal) = (Arc::clone(group), signal(text));
    tokio::spawn(async move { group.append_all(vec![signal]).await })
}

/// Lets everybody go as far as they get.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// One that commits and does not end, and these, which wait behind it, in this order.
async fn behind_one(group: &Arc<GroupCommit>, texts: &[&str]) -> (JoinHandle<Answer>, Vec<JoinHandle<Answer>>) {
    let first = send(group, "first");
    settle().await;
    let mut waiting = Vec::new();
    for text in texts {
        waiting.push(send(group, text));
        settle().await;
    }
    (first, waiting)
}

async fn answers(calls: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    join_all(calls).await.into_iter().map(|call| call.expect("no panic gets out")).collect()
}

#[tokio::test]
async fn it_keeps_the_contract() {
    for limits in [Limits::default(), one_lane(), Limits { batch: 1, ..Limits::default() }] {
        signal_log_contract(GroupCommit::new(Fake::new(PLENTY), limits).as_ref()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_when_it_is_idle() {
    let fake = Fake::new(PLENTY);
    let group = GroupCommit::new(fake.clone(), Limits::default());
    let begun = Instant::now();
    for text in ["1", "2", "3"] {
        group.append_all(vec![signal(text)]).await.expect("stored");
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(fake.tried(), [["1"], ["2"], ["3"]]);
}

#[tokio::test(start_paused = true)]
async fn while_one_batch_commits_the_next_one_fills() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), Limits { batch: 3, ..one_lane() });
    let (first, waiting) = behind_one(&group, &["a", "b", "c", "d"]).await;
    fake.permits.add_permits(PLENTY);
    let receipts = answers(waiting).await;
    assert!(receipts.iter().all(Result::is_ok) && first.await.expect("no panic").is_ok());
    assert_eq!(fake.tried(), [vec!["first"], vec!["a", "b", "c"], vec!["d"]]);
}

#[tokio::test(start_paused = true)]
async fn a_second_lane_opens_for_enough_signals() {
    let fake = Fake::new(0);
    let limits = Limits { lanes: 2, worthwhile: 2, ..Limits::default() };
    let group = GroupCommit::new(fake.clone(), limits);
    let (first, waiting) = behind_one(&group, &["a", "b", "c"]).await;
    fake.permits.add_permits(2);
    settle().await;
    assert_eq!(fake.tried(), [vec!["first"], vec!["a", "b"], vec!["c"]][..2]);
    fake.permits.add_permits(PLENTY);
    assert!(first.await.expect("no panic").is_ok() && answers(waiting).await.iter().all(Result::is_ok));
    assert_eq!(fake.tried()[2], ["c"], "the last one to end takes the rest along");
}

#[tokio::test(start_paused = true)]
async fn a_second_lane_goes_round_a_first_that_is_stuck() {
    let fake = Fake::new(PLENTY);
    let group = GroupCommit::new(fake.clone(), Limits::default());
    let stuck = send(&group, "hangs");
    settle().await;
    let begun = Instant::now();
    for text in ["a", "b"] {
        group.append_all(vec![signal(text)]).await.expect("stored");
    }
    assert!(begun.elapsed() < 3 * Limits::default().stuck, "{:?}", begun.elapsed());
    assert!(matches!(stuck.await.expect("no panic"), Err(SignalLogError::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_their_own_receipt_and_a_call_stays_together() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), one_lane());
    let (_first, one) = behind_one(&group, &["a"]).await;
    let several = vec![signal("b"), signal("a"), signal("c")];
    let ids: Vec<_> = several.iter().map(|signal| signal.signal_id).collect();
    let call = tokio::spawn({
        let group = Arc::clone(&group);
        async move { group.append_all(several).await }
    });
    settle().await;
    fake.permits.add_permits(PLENTY);
    let first = answers(one).await.remove(0).expect("stored")[0].signal_id;
    let receipts = call.await.expect("no panic").expect("stored");
    assert_eq!(receipts.iter().map(|receipt| receipt.signal_id).collect::<Vec<_>>(), [ids[0], first, ids[2]]);
    assert_eq!(fake.tried().len(), 2, "all of them in one batch");
}

#[tokio::test(start_paused = true)]
async fn large_signals_make_small_batches() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), Limits { batch_bytes: 1, ..one_lane() });
    let (_first, waiting) = behind_one(&group, &["a", "b"]).await;
    fake.permits.add_permits(PLENTY);
    answers(waiting).await;
    assert_eq!(fake.tried(), [["first"], ["a"], ["b"]]);
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_left_behind_is_stored_before_the_end() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), one_lane());
    let (first, waiting) = behind_one(&group, &["a", "b"]).await;
    first.abort();
    waiting.iter().for_each(JoinHandle::abort);
    settle().await;
    let drained = tokio::spawn({
        let group = Arc::clone(&group);
        async move { group.drained().await }
    });
    settle().await;
    assert!(!drained.is_finished());
    fake.permits.add_permits(PLENTY);
    drained.await.expect("no panic");
    assert!(["first", "a", "b"].into_iter().all(|text| fake.stored(text)));
    group.drained().await;
}

#[tokio::test]
async fn a_caller_from_another_runtime_is_served_at_home() {
    let group = GroupCommit::new(Fake::new(PLENTY), Limits::default());
    let elsewhere = tokio::task::spawn_blocking(move || {
        let small = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        small.block_on(group.append_all(vec![signal("a")]))
    });
    assert!(elsewhere.await.expect("no panic").is_ok());
}
