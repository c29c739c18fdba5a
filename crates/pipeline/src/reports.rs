//! What providers say about messages after taking them becomes durable. Must not know a provider.

use dispatch_routing::delivery_reports::{DeliveryReport, DeliveryReports, Recorded};
use dispatch_routing::queue::QueueError;
use std::sync::Arc;

/// The use case behind `/intake/*/status`.
pub struct Reports {
    store: Arc<dyn DeliveryReports>,
}

impl Reports {
    /// Over this store.
    #[must_use]
    pub fn new(store: Arc<dyn DeliveryReports>) -> Self {
        Self { store }
    }

    /// Notes `report` and what follows from it, then answers.
    ///
    /// # Errors
    /// [`QueueError`]: nothing was noted.
    pub async fn note(&self, report: DeliveryReport) -> Result<(), QueueError> {
        let (reference, status, error_code) = (report.reference.clone(), report.status, report.error_code.clone());
        let recorded = self.store.record(report).await?;
        let news = recorded == Recorded::Advanced;
        tracing::info!(reference, status = status.as_str(), error_code, news, "delivery reported");
        Ok(())
    }
}
