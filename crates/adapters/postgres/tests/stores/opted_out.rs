//! A provider that refuses to write to somebody who opted out: nobody writes to them again, until they say otherwise.

use dispatch_mission::signal::{Consent, Disposition, NewSignal, Recipient, Source};
use dispatch_mission::signal_log::SignalLog;
use dispatch_mission::testing::slack_signal;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::backoff::RetrySchedule;
use dispatch_routing::delivery::AttemptOutcome;
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement};
use dispatch_routing::destination::{Destination, DestinationKind, NotificationDestination, SmsNumber};
use dispatch_routing::plan::PlannedDelivery;
use dispatch_routing::testing::{AGES, claim_for, message};
use std::time::Duration;

use crate::support::Replica;

const PHONE: &str = "+14165550101";

fn text_to(phone: &str) -> PlannedDelivery {
    let number = SmsNumber { from: "+14165550100".into(), to: phone.into() };
    PlannedDelivery {
        destination: Destination::Notification(NotificationDestination::Sms(number)),
        ..message("unused", None)
    }
}

/// `PHONE` says whether it may be written to.
fn says(given: bool, ts: &str) -> NewSignal {
    let mut signal = slack_signal(PHONE, ts, "START");
    signal.conversation.source = Source::Sms;
    signal.keys.content = format!("sms:message:{ts}");
    signal.keys.event = None;
    signal.disposition = Disposition::Ignore("opt_words");
    signal.consent = Some(Consent { recipient: Recipient::phone(PHONE), given, reason: "opted_out" });
    signal
}

/// One message to `PHONE`, which the provider refuses.
async fn refused(replica: &Replica, channel: &str, outcome: AttemptOutcome) {
    replica.queues().routed(channel, vec![text_to(PHONE)]).await;
    let claimed = replica.deliveries.claim(DestinationKind::Sms, claim_for(AGES)).await.unwrap().remove(0);
    let next = RetrySchedule::default().after(claimed.attempts, &outcome, 0.5);
    let settlement = DeliverySettlement {
        delivery_id: claimed.delivery_id,
        token: claimed.token,
        outcome,
        took: Duration::from_millis(80),
        next,
    };
    replica.deliveries.settle(vec![settlement]).await.unwrap();
}

fn opted_out() -> AttemptOutcome {
    AttemptOutcome::Unwanted { code: "opted_out".into() }
}

async fn refusal(replica: &Replica) -> Option<String> {
    let phone = Recipient::phone(PHONE);
    replica.deliveries.refusals(std::slice::from_ref(&phone)).await.unwrap().remove(&phone)
}

#[tokio::test]
async fn what_the_provider_knows_is_remembered() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    for (channel, outcome) in [
        ("other", AttemptOutcome::Permanent { code: "invalid_number".into() }),
        ("no wish", AttemptOutcome::Permanent { code: "opted_out".into() }),
        ("our own", AttemptOutcome::Unwanted { code: "app_uninstalled".into() }),
    ] {
        refused(&replica, channel, outcome).await;
        assert_eq!(refusal(&replica).await, None, "{channel}: says nothing new about their wish");
    }
    refused(&replica, "opted", opted_out()).await;
    assert_eq!(refusal(&replica).await.as_deref(), Some("opted_out"));
    replica.signals.append_all(vec![says(true, "2.000001")]).await.unwrap();
    assert_eq!(refusal(&replica).await, None, "they lifted it");
}

#[tokio::test]
async fn who_said_so_is_not_forgotten_and_what_was_said_meanwhile_counts() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let stop = replica.signals.append_all(vec![says(false, "2.000001")]).await.unwrap()[0].signal_id;
    refused(&replica, "known", opted_out()).await;
    let rows = database.json("SELECT signal_id::text FROM dispatch.send_permissions").await;
    assert_eq!(rows[0]["signal_id"], stop.to_string());
    // The attempt was refused before this; its settlement comes after it.
    replica.signals.append_all(vec![says(true, "2.000002")]).await.unwrap();
    refused(&replica, "late", opted_out()).await;
    assert_eq!(refusal(&replica).await, None);
}
