//! The `DeliveryReports` port: what a provider says about a message after taking it. Must not know who says it, or how.

use crate::queue::QueueError;
use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;

/// Takes reports. They repeat, come in any order, and may overtake the settlement of the attempt they are about.
#[async_trait]
pub trait DeliveryReports: Send + Sync {
    /// Notes a report and what follows from it, in one commit. Idempotent and monotonic per reference: a status is
    /// noted only when it [supersedes](ReportedStatus::supersedes) the one that stands. A reference that nothing is
    /// known of is noted too.
    ///
    /// The delivery is the one of `delivery_id`; where that is absent, the one that was settled under `reference`. A
    /// report that is noted changes it while it is pending, delivered or unknown; any other state stays:
    /// - `Delivered` and `Read` make it delivered, under `reference`;
    /// - `Undelivered` and `Failed` make it failed, for the reason [`DeliveryReport::failure`] gives;
    /// - the others change nothing.
    ///
    /// What ends a pending delivery voids its claim: the worker's settlement answers `Lost`.
    ///
    /// # Errors
    /// `Unavailable`, or `Rejected` when the database refuses the report itself.
    async fn record(&self, report: DeliveryReport) -> Result<Recorded, QueueError>;
}

/// One report about one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryReport {
    /// The provider's name of the message: Twilio `MessageSid`.
    pub reference: String,
    /// The delivery that the message was sent for, where the report says so.
    pub delivery_id: Option<DeliveryId>,
    /// What became of it.
    pub status: ReportedStatus,
    /// The provider's code for why not.
    pub error_code: Option<String>,
}

impl DeliveryReport {
    /// Why the delivery failed, if the report says that it did: `undelivered_<code>`, or `undelivered` without a code.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        if !matches!(self.status, ReportedStatus::Undelivered | ReportedStatus::Failed) {
            return None;
        }
        Some(self.error_code.as_ref().map_or_else(|| "undelivered".into(), |code| format!("undelivered_{code}")))
    }
}

/// What a provider says became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReportedStatus {
    /// It waits at the provider.
    Queued,
    /// It is on its way to the carrier.
    Sending,
    /// The carrier took it.
    Sent,
    /// It arrived.
    Delivered,
    /// The carrier says that it did not arrive.
    Undelivered,
    /// The provider gave it up.
    Failed,
    /// Somebody opened it.
    Read,
}

impl ReportedStatus {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Delivered, Self::Undelivered, Self::Failed, Self::Read];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Read => "read",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// How far the message has come: queued < sending < sent < delivered, undelivered, failed < read.
    #[must_use]
    pub fn rank(self) -> i16 {
        match self {
            Self::Queued => 0,
            Self::Sending => 1,
            Self::Sent => 2,
            Self::Delivered | Self::Undelivered | Self::Failed => 3,
            Self::Read => 4,
        }
    }

    /// Whether it is news where `known` stands. Of two ends the first counts.
    #[must_use]
    pub fn supersedes(self, known: Self) -> bool {
        self.rank() > known.rank()
    }
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It was news, and is noted.
    Advanced,
    /// As much or more was known.
    Known,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_goes_forward_only_and_the_first_end_counts() {
        use ReportedStatus::{Delivered, Failed, Queued, Read, Sending, Sent, Undelivered};
        for pair in [Queued, Sending, Sent, Delivered, Read].windows(2) {
            assert!(pair[1].supersedes(pair[0]) && !pair[0].supersedes(pair[1]), "{pair:?}");
        }
        for ends in [[Delivered, Undelivered], [Delivered, Failed], [Undelivered, Failed]] {
            assert!(!ends[0].supersedes(ends[1]) && !ends[1].supersedes(ends[0]), "{ends:?}");
        }
        for status in ReportedStatus::ALL {
            assert!(!status.supersedes(status));
            assert_eq!(ReportedStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(ReportedStatus::parse("DELIVERED"), None);
    }

    #[test]
    fn a_failure_has_its_reason() {
        let reason = |status, code: Option<&str>| {
            let error_code = code.map(str::to_owned);
            DeliveryReport { reference: "SM1".into(), delivery_id: None, status, error_code }.failure()
        };
        assert_eq!(reason(ReportedStatus::Undelivered, Some("30003")).as_deref(), Some("undelivered_30003"));
        assert_eq!(reason(ReportedStatus::Failed, Some("30008")).as_deref(), Some("undelivered_30008"));
        assert_eq!(reason(ReportedStatus::Failed, None).as_deref(), Some("undelivered"));
        assert_eq!(reason(ReportedStatus::Delivered, Some("30003")), None);
    }
}
