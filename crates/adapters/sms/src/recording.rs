//! The courier of `dev` without a token: nothing leaves the machine. Must not know Twilio's API.

use async_trait::async_trait;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::DestinationKind;

/// The reference of a message that was recorded instead of sent.
pub const RECORDED: &str = "recorded";

/// Says of each message that it was recorded. It stands in the database already, as the delivery's content.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordingSmsCourier;

#[async_trait]
impl Courier for RecordingSmsCourier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Sms
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        tracing::info!(delivery_id = %delivery.delivery_id, "message recorded, not sent: there is no Twilio token");
        AttemptOutcome::Delivered { reference: Some(RECORDED.into()) }
    }
}
