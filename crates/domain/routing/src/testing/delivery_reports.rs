//! What every `DeliveryReports` owes its callers.

use super::delivery_queue::{attempt, claim, claim_one, settle};
use super::{AGES, Queues, message};
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::NextStep;
use crate::delivery_reports::{DeliveryReport, DeliveryReports, Recorded, ReportedStatus};
use crate::queue::Settled;
use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use std::time::Duration;

/// What can be seen of a delivery; the ports have no reason to show it.
#[async_trait]
pub trait SeenDeliveries: Send + Sync {
    /// Its state, and the reason for it if there is one.
    async fn state_of(&self, delivery: DeliveryId) -> (DeliveryState, Option<String>);
}

#[derive(Clone, Copy)]
struct Suite<'a> {
    queues: Queues<'a>,
    reports: &'a dyn DeliveryReports,
    seen: &'a dyn SeenDeliveries,
}

/// What every [`DeliveryReports`] owes its callers.
///
/// # Panics
/// When the port breaks the contract.
pub async fn delivery_reports_contract(queues: Queues<'_>, reports: &dyn DeliveryReports, seen: &dyn SeenDeliveries) {
    let suite = Suite { queues, reports, seen };
    suite.notes_what_nothing_is_known_of().await;
    suite.goes_forward_only().await;
    suite.takes_back_a_success().await;
    suite.settles_a_doubt().await;
    suite.ends_what_would_be_sent_again().await;
    suite.overtakes_the_settlement().await;
    suite.leaves_other_ends_alone().await;
    assert!(claim(queues, AGES).await.is_empty(), "nothing is left due");
}

fn report(reference: &str, id: Option<&ClaimedDelivery>, status: ReportedStatus, code: Option<&str>) -> DeliveryReport {
    DeliveryReport {
        reference: reference.into(),
        delivery_id: id.map(|delivery| delivery.delivery_id),
        status,
        error_code: code.map(str::to_owned),
    }
}

impl Suite<'_> {
    async fn record(&self, report: DeliveryReport) -> Recorded {
        self.reports.record(report).await.expect("recorded")
    }

    async fn assert_state(&self, delivery: &ClaimedDelivery, state: DeliveryState, reason: Option<&str>) {
        let (is, why) = self.seen.state_of(delivery.delivery_id).await;
        assert_eq!(is, state);
        if let Some(reason) = reason {
            assert_eq!(why.as_deref(), Some(reason));
        }
    }

    /// A delivery in somebody's hands.
    async fn in_hand(&self, channel: &str) -> ClaimedDelivery {
        self.queues.routed(channel, vec![message(channel, None)]).await;
        claim_one(self.queues, AGES).await
    }

    async fn ended(&self, channel: &str, outcome: AttemptOutcome, state: DeliveryState) -> ClaimedDelivery {
        let delivery = self.in_hand(channel).await;
        settle(self.queues, attempt(&delivery, outcome, NextStep::End(state))).await;
        delivery
    }

    async fn delivered(&self, channel: &str, reference: &str) -> ClaimedDelivery {
        let outcome = AttemptOutcome::Delivered { reference: Some(reference.into()) };
        self.ended(channel, outcome, DeliveryState::Delivered).await
    }

    async fn in_doubt(&self, channel: &str) -> ClaimedDelivery {
        self.ended(channel, AttemptOutcome::Ambiguous { code: "timeout".into() }, DeliveryState::Unknown).await
    }

    async fn notes_what_nothing_is_known_of(&self) {
        let sent = report("r stranger", None, ReportedStatus::Sent, None);
        assert_eq!(self.record(sent.clone()).await, Recorded::Advanced);
        assert_eq!(self.record(sent).await, Recorded::Known, "a repeat");
        let mut nobodys = report("r nobody's", None, ReportedStatus::Failed, Some("30008"));
        nobodys.delivery_id = Some(DeliveryId::mint());
        assert_eq!(self.record(nobodys).await, Recorded::Advanced);
    }

    async fn goes_forward_only(&self) {
        use ReportedStatus::{Delivered, Failed, Queued, Read, Sending, Sent, Undelivered};
        let delivery = self.delivered("r order", "r order").await;
        for (status, recorded) in [
            (Sending, Recorded::Advanced),
            (Queued, Recorded::Known),
            (Sent, Recorded::Advanced),
            (Sending, Recorded::Known),
            (Delivered, Recorded::Advanced),
            (Delivered, Recorded::Known),
            (Undelivered, Recorded::Known),
            (Failed, Recorded::Known),
            (Sent, Recorded::Known),
            (Read, Recorded::Advanced),
            (Delivered, Recorded::Known),
        ] {
            assert_eq!(self.record(report("r order", Some(&delivery), status, None)).await, recorded, "{status:?}");
            self.assert_state(&delivery, DeliveryState::Delivered, None).await;
        }
    }

    async fn takes_back_a_success(&self) {
        use ReportedStatus::{Delivered, Failed, Undelivered};
        for (reference, status, named) in
            [("r undelivered", Undelivered, true), ("r failed", Failed, true), ("r by reference", Undelivered, false)]
        {
            let delivery = self.delivered(reference, reference).await;
            let failed = report(reference, named.then_some(&delivery), status, Some("30003"));
            assert_eq!(self.record(failed.clone()).await, Recorded::Advanced, "{reference}");
            self.assert_state(&delivery, DeliveryState::Failed, Some("undelivered_30003")).await;
            assert_eq!(self.record(failed).await, Recorded::Known);
            assert_eq!(self.record(report(reference, Some(&delivery), Delivered, None)).await, Recorded::Known);
            self.assert_state(&delivery, DeliveryState::Failed, Some("undelivered_30003")).await;
        }
    }

    async fn settles_a_doubt(&self) {
        let delivery = self.in_doubt("r arrived").await;
        self.record(report("r arrived", Some(&delivery), ReportedStatus::Sent, None)).await;
        self.assert_state(&delivery, DeliveryState::Unknown, None).await;
        self.record(report("r arrived", Some(&delivery), ReportedStatus::Delivered, None)).await;
        self.assert_state(&delivery, DeliveryState::Delivered, None).await;

        let delivery = self.in_doubt("r got lost").await;
        self.record(report("r got lost", Some(&delivery), ReportedStatus::Failed, None)).await;
        self.assert_state(&delivery, DeliveryState::Failed, Some("undelivered")).await;
    }

    async fn ends_what_would_be_sent_again(&self) {
        for (channel, status, state, more) in [
            ("r due, arrived", ReportedStatus::Delivered, DeliveryState::Delivered, 1),
            ("r due, lost", ReportedStatus::Failed, DeliveryState::Failed, 0),
        ] {
            self.queues.routed(channel, vec![message(channel, None), message(channel, Some(0))]).await;
            let delivery = claim_one(self.queues, AGES).await;
            let vague = AttemptOutcome::Ambiguous { code: "timeout".into() };
            settle(self.queues, attempt(&delivery, vague, NextStep::Again(Duration::ZERO))).await;
            self.record(report(channel, Some(&delivery), status, None)).await;
            self.assert_state(&delivery, state, None).await;
            let due = claim(self.queues, AGES).await;
            assert_eq!(due.len(), more, "{channel}: what depends on it goes the way it went");
            for next in due {
                assert_ne!(next.delivery_id, delivery.delivery_id);
                let outcome = AttemptOutcome::Delivered { reference: None };
                settle(self.queues, attempt(&next, outcome, NextStep::End(DeliveryState::Delivered))).await;
            }
        }
    }

    async fn overtakes_the_settlement(&self) {
        let delivery = self.in_hand("r overtaken").await;
        self.record(report("r overtaken", Some(&delivery), ReportedStatus::Failed, Some("30006"))).await;
        let outcome = AttemptOutcome::Delivered { reference: Some("r overtaken".into()) };
        let late = attempt(&delivery, outcome, NextStep::End(DeliveryState::Delivered));
        assert_eq!(self.queues.deliveries.settle(vec![late]).await.expect("answered"), [Settled::Lost]);
        self.assert_state(&delivery, DeliveryState::Failed, Some("undelivered_30006")).await;
    }

    async fn leaves_other_ends_alone(&self) {
        let code = || "twilio_21211".to_owned();
        for (channel, outcome, state) in [
            ("r refused", AttemptOutcome::Permanent { code: code() }, DeliveryState::Failed),
            ("r used up", AttemptOutcome::Retryable { code: code(), retry_after: None }, DeliveryState::Exhausted),
            ("r unwanted", AttemptOutcome::Unwanted { code: code() }, DeliveryState::Cancelled),
        ] {
            let delivery = self.ended(channel, outcome, state).await;
            let told = report(channel, Some(&delivery), ReportedStatus::Delivered, None);
            assert_eq!(self.record(told).await, Recorded::Advanced);
            self.assert_state(&delivery, state, None).await;
        }
    }
}
