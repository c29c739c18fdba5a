//! The contract of `Courier`, kept against a Twilio over HTTP.

use crate::peer::FakeTwilio;
use dispatch_routing::testing_courier::courier_contract;

#[tokio::test(flavor = "multi_thread")]
async fn the_sms_courier_keeps_the_contract() {
    courier_contract(&FakeTwilio::start().await).await;
}
