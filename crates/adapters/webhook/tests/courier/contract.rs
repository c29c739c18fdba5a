//! The contract of `Courier`, kept for endpoints and for agents against a program over HTTP.

use crate::peer::Program;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::testing_courier::courier_contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_courier_of_endpoints_keeps_the_contract() {
    courier_contract(&Program::start(DestinationKind::Webhook).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_courier_of_agents_keeps_the_contract() {
    courier_contract(&Program::start(DestinationKind::Agent).await).await;
}
