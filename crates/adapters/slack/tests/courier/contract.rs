//! The contract of `Courier`, kept by the real one against a Slack over HTTP, and by the fake that other tests use.

use crate::peer::{FakeSlack, channel, thread};
use dispatch_routing::testing_courier::{FakeCourier, courier_contract};

#[tokio::test(flavor = "multi_thread")]
async fn the_slack_courier_keeps_the_contract() {
    for place in [thread(), channel()] {
        courier_contract(&FakeSlack::start(place).await).await;
    }
}

#[tokio::test]
async fn the_fake_courier_keeps_the_contract() {
    courier_contract(&FakeCourier::default()).await;
}
