//! Why a delivery is kept though it is due. It must not decide how long.

/// A join for a query over `dispatch.deliveries AS d`: columns `held.until` and `held.reason` (`breaker_open`,
/// `rate_limited`), where its lane keeps a delivery back. It goes then at the earliest; others of the lane may be before it.
macro_rules! held {
    () => {
        "LEFT JOIN LATERAL (
            SELECT lane.until, lane.reason FROM (
                SELECT b.asks_at AS until, 'breaker_open' AS reason FROM dispatch.breakers AS b
                WHERE b.lane = d.lane AND b.state <> 'closed'
                UNION ALL
                SELECT k.ready_at, 'rate_limited' FROM dispatch.buckets AS k
                WHERE k.lane = d.lane AND (k.channel = d.channel OR k.channel = '' AND d.channel NOT LIKE '%.%')) AS lane
            WHERE d.state = 'pending' AND d.next_attempt_at < lane.until AND lane.until > now()
                AND (d.claim_token IS NULL OR d.lease_until <= now())
            ORDER BY lane.until DESC LIMIT 1) AS held ON true"
    };
}
pub(crate) use held;
