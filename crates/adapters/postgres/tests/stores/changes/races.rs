//! Two replicas that amend, close, claim and settle at once.

use dispatch_routing::unit_queue::UnitQueue;

use super::*;

/// Both replicas work until nothing is left, everything meaning work.
async fn work(replica: &Replica) {
    let mut idle = 0;
    while idle < 20 {
        let amended = replica.units.amend(7).await.unwrap();
        let closed = replica.units.close_bursts(AT_ONCE, 7).await.unwrap();
        let units = replica.units.claim(claim_for(AGES)).await.unwrap();
        idle = if amended as usize + closed as usize + units.len() == 0 { idle + 1 } else { 0 };
        let all = units.iter().map(|unit| decided(unit, STRAY, 0.9)).collect();
        replica.units.settle(all).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_amends_and_closes_every_message_ends_as_it_was_said_last() {
    let world = World::new().await;
    let (one, two) = (Replica::of(&world.database), Replica::of(&world.database));
    // Messages, their edits and some deletions, in an order that is nobody's.
    let mut heard = Vec::new();
    for channel in 0..4 {
        for second in 0..10 {
            let name = format!("c{channel}");
            heard.push(says(&name, "U1", second, "said first"));
            heard.push(edit(&name, second, "said second", second + 10));
            heard.push(edit(&name, second, &format!("final {second}"), second + 20));
            if second % 5 == 4 {
                heard.push(deletion(&name, second, second + 30));
            }
        }
    }
    heard.sort_by_key(|signal| signal.signal_id.0.as_u128().reverse_bits());
    for batch in heard.chunks(9) {
        world.hears(batch.to_vec()).await;
        tokio::join!(work(&one), work(&two));
        world.database.execute("UPDATE dispatch.signals SET look_again_at = now() WHERE state = 'amending'").await;
    }
    tokio::join!(work(&one), work(&two));
    assert_eq!(world.count("dispatch.signals WHERE state = 'amending'").await, 0);
    assert_eq!(world.count("dispatch.units WHERE state = 'pending'").await, 0);
    assert_eq!(world.count("dispatch.signals WHERE amends IS NULL AND state = 'queued'").await, 32);
    assert_eq!(world.count("dispatch.signals WHERE state = 'queued' AND text NOT LIKE 'final %'").await, 0);
    assert_eq!(world.count("dispatch.signals WHERE ignored_reason = 'deleted'").await, 8);
    // Every unit with a message left has one open mission that says it all; the others have none that is open.
    let wrong = "(SELECT u.unit_id FROM dispatch.units AS u
            LEFT JOIN dispatch.mission_facts AS f USING (unit_id)
            LEFT JOIN dispatch_agent_tasks AS t USING (mission_id)
        WHERE coalesce(t.mission_status = 'OPEN', false) <> EXISTS (
            SELECT FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id AND s.state = 'queued')
        OR (t.mission_status = 'OPEN' AND t.description <> (
            SELECT string_agg(text, E'\\n' ORDER BY occurred_at) FROM dispatch.signals AS s
            WHERE s.unit_id = u.unit_id AND s.state = 'queued'))) AS wrong";
    assert_eq!(world.count(wrong).await, 0);
    assert_eq!(
        world.count("dispatch_agent_tasks").await,
        world.count("dispatch.effects").await,
        "one row for each effect"
    );
}
