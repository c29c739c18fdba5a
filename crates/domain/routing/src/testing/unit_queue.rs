//! What every `UnitQueue` owes its callers.

use super::{AGES, AT_ONCE, Queues, claim_for, message, said, settlement};
use crate::plan::{Hold, Quota, Verdict};
use crate::queue::{ClaimRule, ClaimToken, Settled};
use crate::unit::{BurstRule, ClaimedUnit};
use std::time::Duration;
use uuid::Uuid;

/// What every [`UnitQueue`](crate::unit_queue::UnitQueue) owes its callers.
///
/// # Panics
/// When the queue breaks the contract.
pub async fn unit_queue_contract(queues: Queues<'_>) {
    closes_a_burst_when_it_is_quiet(queues).await;
    closes_full_chunks_without_waiting(queues).await;
    hands_out_what_it_closes(queues).await;
    leaves_what_is_not_the_first_of_its_conversation(queues).await;
    hands_out_a_conversation_in_order(queues).await;
    counts_the_attempt_in_the_claim(queues).await;
    buries_only_what_ends_its_worker(queues).await;
    takes_back_what_a_worker_gives_up(queues).await;
    takes_back_what_nobody_began(queues).await;
    settles_only_for_the_holder(queues).await;
    ends_held_units_in_time(queues).await;
    keeps_quotas(queues).await;
    super::amendments::amendments(queues).await;
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty(), "nothing is left due");
}

async fn finish(queues: Queues<'_>, units: &[ClaimedUnit]) {
    let all = units.iter().map(|unit| settlement(unit, Verdict::Nothing)).collect();
    let settled = queues.units.settle(all).await.expect("settled");
    assert!(settled.iter().all(|one| *one == Settled::Stood));
}

async fn closes_a_burst_when_it_is_quiet(queues: Queues<'_>) {
    let patient = BurstRule { quiet: AGES, max: 10 };
    // Written in another order than they came in.
    let mut late = said("burst", "U1", "2.000001");
    late.occurred_at += Duration::from_secs(1);
    let batch = vec![late, said("burst", "U1", "1.000001"), said("burst", "U2", "3.000001")];
    queues.signals.append_all(batch).await.expect("appended");
    assert_eq!(queues.units.close_bursts(patient, 10).await.expect("closed"), 0, "none is quiet");
    assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 2, "one per author");
    assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 0, "a signal has one unit");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let units = queues.units.claim(claim_for(AGES)).await.expect("claimed");
        assert_eq!(units.len(), 1, "one of a conversation at a time");
        seen.push(units[0].members.iter().map(|member| member.message_ref.clone()).collect::<Vec<_>>());
        finish(queues, &units).await;
    }
    seen.sort_by_key(Vec::len);
    assert_eq!(seen, [vec!["3.000001"], vec!["1.000001", "2.000001"]], "oldest first");
}

async fn closes_full_chunks_without_waiting(queues: Queues<'_>) {
    let pairs = BurstRule { quiet: AGES, max: 2 };
    let five = (1..=5).map(|n| said("chunks", "U1", &format!("{n}.000001"))).collect();
    queues.signals.append_all(five).await.expect("appended");
    assert_eq!(queues.units.close_bursts(pairs, 10).await.expect("closed"), 2, "two pairs, one is left");
    assert_eq!(queues.units.close_bursts(pairs, 10).await.expect("closed"), 0);
    assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 1);
    let mut refs = Vec::new();
    for _ in 0..3 {
        let units = queues.units.claim(claim_for(AGES)).await.expect("claimed");
        refs.extend(units.iter().flat_map(|unit| unit.members.iter().map(|member| member.message_ref.clone())));
        finish(queues, &units).await;
    }
    assert_eq!(refs, ["1.000001", "2.000001", "3.000001", "4.000001", "5.000001"], "in the order of the conversation");
}

fn refs(units: &[ClaimedUnit]) -> Vec<Vec<&str>> {
    units.iter().map(|unit| unit.members.iter().map(|member| member.message_ref.as_str()).collect()).collect()
}

async fn hands_out_what_it_closes(queues: Queues<'_>) {
    let patient = BurstRule { quiet: AGES, max: 10 };
    let mut late = said("fused", "U1", "2.000001");
    late.occurred_at += Duration::from_secs(1);
    queues.signals.append_all(vec![late, said("fused", "U1", "1.000001")]).await.expect("appended");
    assert!(queues.units.claim_bursts(patient, claim_for(AGES)).await.expect("claimed").is_empty(), "it is not quiet");
    let units = queues.units.claim_bursts(AT_ONCE, claim_for(Duration::ZERO)).await.expect("claimed");
    assert_eq!(refs(&units), [["1.000001", "2.000001"]], "whole, oldest first");
    assert_eq!((units[0].conversation.channel.as_str(), units[0].author.as_str()), ("fused", "U1"));
    assert_eq!(units[0].trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(units[0].members.iter().all(|member| member.text == "Please book the photographer"));
    assert!(units[0].revision.is_none() && units[0].replay.is_none());
    let again = queues.units.claim_bursts(AT_ONCE, claim_for(AGES)).await.expect("claimed");
    assert!(again.is_empty(), "a signal has one unit");
    let again = queues.units.claim(claim_for(AGES)).await.expect("claimed");
    assert_eq!(
        (again[0].unit_id, again[0].attempts),
        (units[0].unit_id, 2),
        "the attempt was counted, the lease ran out"
    );
    let lost = queues.units.settle(vec![settlement(&units[0], Verdict::Nothing)]).await.expect("answered");
    assert_eq!(lost, [Settled::Lost]);
    assert_eq!(ClaimedUnit { token: units[0].token, attempts: 1, ..again[0].clone() }, units[0], "the same to read");
    finish(queues, &again).await;
}

async fn leaves_what_is_not_the_first_of_its_conversation(queues: Queues<'_>) {
    let pairs = BurstRule { quiet: AGES, max: 2 };
    let four = (1..=4).map(|n| said("fused order", "U1", &format!("{n}.000001")));
    queues.signals.append_all(four.collect()).await.expect("appended");
    let first = queues.units.claim_bursts(pairs, claim_for(AGES)).await.expect("claimed");
    assert_eq!(refs(&first), [["1.000001", "2.000001"]]);
    queues.signals.append_all(vec![said("fused order", "U2", "5.000001")]).await.expect("appended");
    let behind = queues.units.claim_bursts(AT_ONCE, claim_for(AGES)).await.expect("claimed");
    assert!(behind.is_empty(), "another of its conversation is in somebody's hands");
    finish(queues, &first).await;
    queues.signals.append_all(vec![said("fused order", "U3", "6.000001")]).await.expect("appended");
    let behind = queues.units.claim_bursts(AT_ONCE, claim_for(AGES)).await.expect("claimed");
    assert!(behind.is_empty(), "others are due before it");
    for next in [vec!["3.000001", "4.000001"], vec!["5.000001"], vec!["6.000001"]] {
        let units = queues.units.claim(claim_for(AGES)).await.expect("claimed");
        assert_eq!(refs(&units), [next]);
        finish(queues, &units).await;
    }
}

async fn hands_out_a_conversation_in_order(queues: Queues<'_>) {
    for (channel, ts) in [("order", "1.000001"), ("order", "2.000001"), ("other", "3.000001")] {
        queues.signals.append_all(vec![said(channel, "U1", ts)]).await.expect("appended");
        queues.units.close_bursts(AT_ONCE, 10).await.expect("closed");
    }
    let first = queues.units.claim(claim_for(AGES)).await.expect("claimed");
    assert_eq!(refs(&first), [["1.000001"], ["3.000001"]], "the first of each conversation, with all they need");
    assert_eq!(first[0].conversation.channel, "order");
    assert_eq!((first[0].author.as_str(), first[0].attempts), ("U1", 1));
    assert_eq!(first[0].trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty(), "the second one waits");
    finish(queues, &first).await;
    let second = queues.units.claim(claim_for(AGES)).await.expect("claimed");
    assert_eq!(refs(&second), [["2.000001"]]);
    finish(queues, &second).await;
}

async fn counts_the_attempt_in_the_claim(queues: Queues<'_>) {
    let first = queues.claimed("killer", Duration::ZERO).await;
    let again = queues.units.claim(claim_for(Duration::ZERO)).await.expect("claimed").remove(0);
    assert_eq!((again.unit_id, again.attempts), (first.unit_id, 2));
    assert_ne!(again.token, first.token);
    let lost = queues.units.settle(vec![settlement(&first, Verdict::Nothing)]).await.expect("answered");
    assert_eq!(lost, [Settled::Lost], "an old claim settles nothing");
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty(), "a dead letter");
    let late = queues.units.settle(vec![settlement(&again, Verdict::Nothing)]).await.expect("answered");
    assert_eq!(late, [Settled::Lost]);
}

async fn buries_only_what_ends_its_worker(queues: Queues<'_>) {
    let rule = ClaimRule { limit: 50, lease: Duration::ZERO, max_attempts: 2 };
    let all = (0..21).map(|n| said(&format!("poison {n:02}"), "U1", "1.000001")).collect();
    queues.signals.append_all(all).await.expect("appended");
    assert_eq!(queues.units.close_bursts(AT_ONCE, 50).await.expect("closed"), 21);
    let batch = queues.units.claim(rule).await.expect("claimed");
    assert_eq!(batch.len(), 21, "new ones together");
    let poison = batch[7].unit_id;
    let mut settled = 0;
    loop {
        let units = queues.units.claim(rule).await.expect("claimed");
        let Some(unit) = units.first() else { break };
        assert_eq!((units.len(), unit.attempts), (1, 2), "one that was claimed before comes alone");
        if unit.unit_id != poison {
            finish(queues, &units).await;
            settled += 1;
        }
    }
    assert_eq!(settled, 20, "all its neighbours live");
}

async fn takes_back_what_a_worker_gives_up(queues: Queues<'_>) {
    let unit = queues.claimed("given back", Duration::ZERO).await;
    assert_eq!(queues.units.renew(unit.unit_id, unit.token, AGES).await.expect("renewed"), Settled::Stood);
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty(), "prolonged");
    let stranger = ClaimToken(Uuid::now_v7());
    assert_eq!(queues.units.renew(unit.unit_id, stranger, AGES).await.expect("answered"), Settled::Lost);
    let give = |token, delay| queues.units.give_back(unit.unit_id, token, delay, "classifier_unavailable");
    assert_eq!(give(stranger, None).await.expect("answered"), Settled::Lost);
    assert_eq!(give(unit.token, Some(Duration::ZERO)).await.expect("given back"), Settled::Stood);
    let again = queues.units.claim(claim_for(AGES)).await.expect("claimed").remove(0);
    assert_eq!((again.unit_id, again.attempts), (unit.unit_id, 2));
    assert_eq!(give(again.token, None).await.expect("given up"), Settled::Stood);
    assert_eq!(give(again.token, None).await.expect("answered"), Settled::Lost, "it is over");
}

async fn takes_back_what_nobody_began(queues: Queues<'_>) {
    let unit = queues.claimed("handed back", AGES).await;
    let stranger = ClaimToken(Uuid::now_v7());
    assert_eq!(queues.units.hand_back(unit.unit_id, stranger).await.expect("answered"), Settled::Lost);
    // As often as workers are restarted, and it is no dead letter.
    let mut token = unit.token;
    for _ in 0..8 {
        assert_eq!(queues.units.hand_back(unit.unit_id, token).await.expect("handed back"), Settled::Stood);
        assert_eq!(queues.units.hand_back(unit.unit_id, token).await.expect("answered"), Settled::Lost, "once only");
        let again = queues.units.claim(claim_for(AGES)).await.expect("claimed").remove(0);
        assert_eq!((again.unit_id, again.attempts), (unit.unit_id, 1), "it counts for nothing");
        token = again.token;
    }
    let again = ClaimedUnit { token, ..unit };
    finish(queues, &[again]).await;
}

async fn settles_only_for_the_holder(queues: Queues<'_>) {
    let unit = queues.claimed("holder", AGES).await;
    let mut forged = settlement(&unit, Verdict::Nothing);
    forged.token = ClaimToken(Uuid::now_v7());
    let both = vec![forged, settlement(&unit, Verdict::Nothing)];
    assert_eq!(queues.units.settle(both).await.expect("settled"), [Settled::Lost, Settled::Stood], "in order");
    let twice = queues.units.settle(vec![settlement(&unit, Verdict::Nothing)]).await.expect("answered");
    assert_eq!(twice, [Settled::Lost], "once only");
    assert!(queues.units.settle(Vec::new()).await.expect("nothing to do").is_empty());
}

async fn ends_held_units_in_time(queues: Queues<'_>) {
    for expires_after in [Some(Duration::ZERO), Some(AGES), None] {
        let unit = queues.claimed(&format!("held {expires_after:?}"), AGES).await;
        let hold = Verdict::Hold(Hold { reason: "below_threshold".into(), expires_after });
        assert_eq!(queues.units.settle(vec![settlement(&unit, hold)]).await.expect("held"), [Settled::Stood]);
    }
    assert_eq!(queues.units.expire_held(10).await.expect("expired"), 1, "only the one whose time has run out");
    assert_eq!(queues.units.expire_held(10).await.expect("expired"), 0);
}

async fn keeps_quotas(queues: Queues<'_>) {
    let limited = |every| {
        let mut question = message("quota", None);
        question.quota = Some(Quota { key: "question:quota".into(), every });
        vec![question]
    };
    let mut planned = Vec::new();
    for (channel, every) in [("quota 1", AGES), ("quota 2", AGES), ("quota 3", Duration::ZERO)] {
        queues.routed(channel, limited(every)).await;
        let slack = crate::destination::DestinationKind::Slack;
        planned.push(queues.deliveries.claim(slack, claim_for(AGES)).await.expect("claimed").len());
    }
    assert_eq!(planned, [1, 0, 1], "one per key and interval");
}
