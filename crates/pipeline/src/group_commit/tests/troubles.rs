//! A log that refuses, is away, panics or hangs, and more than there is room for.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_signal_fails_alone() {
    for poison in ["refused", "panics"] {
        let fake = Fake::new(0);
        let group = GroupCommit::new(fake.clone(), one_lane());
        let (_first, waiting) = behind_one(&group, &["a", poison, "b"]).await;
        fake.permits.add_permits(PLENTY);
        let answers = answers(waiting).await;
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{poison}");
        match answers[1].as_ref().expect_err("refused") {
            SignalLogError::Rejected(_) => assert_eq!(poison, "refused"),
            error => assert!(poison == "panics" && !format!("{error:?}").contains("words"), "{error:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_away_is_asked_once_for_all() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), one_lane());
    let (_first, waiting) = behind_one(&group, &["a", "down", "b"]).await;
    fake.permits.add_permits(PLENTY);
    assert!(answers(waiting).await.iter().all(|answer| matches!(answer, Err(SignalLogError::Unavailable(_)))));
    assert_eq!(fake.tried().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_away_while_signals_are_tried_alone_is_not_asked_for_ever() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), one_lane());
    let (_first, waiting) = behind_one(&group, &["refused", "down 1", "down 2", "down 3", "down 4"]).await;
    fake.permits.add_permits(PLENTY);
    let answers = answers(waiting).await;
    assert!(matches!(answers[0], Err(SignalLogError::Rejected(_))));
    assert!(answers[1..].iter().all(|answer| matches!(answer, Err(SignalLogError::Unavailable(_)))));
    assert_eq!(fake.tried()[2..], [["refused"], ["down 1"], ["down 2"]]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_answered_at_once() {
    let room = signal("a").payload.len() + signal("a").text.len() + 1024;
    for limits in [Limits { waiting: 2, ..one_lane() }, Limits { waiting_bytes: 2 * room, ..one_lane() }] {
        let fake = Fake::new(0);
        let group = GroupCommit::new(fake.clone(), limits);
        let (_first, waiting) = behind_one(&group, &["a", "b"]).await;
        let begun = Instant::now();
        let refused = group.append_all(vec![signal("c")]).await;
        assert!(matches!(refused, Err(SignalLogError::Overloaded)), "{refused:?}");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        fake.permits.add_permits(PLENTY);
        assert!(answers(waiting).await.iter().all(Result::is_ok));
        group.append_all(vec![signal("c")]).await.expect("there is room again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_hangs_keeps_nobody_longer_than_a_second() {
    let fake = Fake::new(0);
    let group = GroupCommit::new(fake.clone(), one_lane());
    let begun = Instant::now();
    let (first, waiting) = behind_one(&group, &["a"]).await;
    let shed = answers(waiting).await.remove(0);
    assert!(matches!(shed, Err(SignalLogError::Overloaded)), "it was never tried");
    assert!(matches!(first.await.expect("no panic"), Err(SignalLogError::Unavailable(_))), "it may still be stored");
    assert!(begun.elapsed() < Duration::from_secs(1));
    // The slow commit goes on; what was shed is not stored behind its sender's back.
    fake.permits.add_permits(PLENTY);
    group.drained().await;
    assert!(fake.stored("first") && !fake.stored("a"));
    let known = group.append_all(vec![signal("first")]).await.expect("it came again").remove(0);
    assert_eq!(known.outcome, Outcome::Duplicate);
}
