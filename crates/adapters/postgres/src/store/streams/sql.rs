//! The statements over `dispatch.streams` and `dispatch.stream_events`. Each is one commit, and whoever ends a stream does
//! it under the lock of its row.

// The event's reference is checked when the statement is done.
pub(super) const OPEN: &str = "
WITH opened AS (
    INSERT INTO dispatch.streams (stream_id, owner, last_seq, lease_until)
    VALUES ($1, $2, $3, now() + $6 * interval '1 microsecond')
    RETURNING stream_id)
INSERT INTO dispatch.stream_events (stream_id, seq, name, data)
SELECT stream_id, $3, $4, $5::json FROM opened";

// Who waits for another's append sees its row afterwards, but not its events: those are left as they are.
pub(super) const APPEND: &str = "
WITH told AS (
    UPDATE dispatch.streams SET
        last_seq = greatest(last_seq, $5),
        state = CASE WHEN $6 THEN 'ended' ELSE state END,
        lease_until = CASE WHEN $6 THEN now() ELSE now() + $7 * interval '1 microsecond' END
    WHERE stream_id = $1 AND state = 'open' AND kept
    RETURNING stream_id, (extract(epoch FROM now() - attended_at) * 1000000)::bigint AS unattended_us
), added AS (
    INSERT INTO dispatch.stream_events (stream_id, seq, name, data)
    SELECT told.stream_id, event.seq, event.name, event.data::json
    FROM told, unnest($2, $3, $4) AS event (seq, name, data)
    ON CONFLICT (stream_id, seq) DO NOTHING)
SELECT greatest(0, unattended_us) AS unattended_us FROM told";

// One picture of the stream and its events. That it is read is written down at most once a second.
pub(super) const READ: &str = "
WITH attended AS (
    UPDATE dispatch.streams SET attended_at = now()
    WHERE stream_id = $1 AND owner = $2 AND state = 'open' AND attended_at < now() - interval '1 second')
SELECT stream.state = 'ended' AS ended, stream.kept, stream.last_seq,
    stream.state = 'open' AND stream.lease_until <= now() AS orphaned, event.seq, event.name, event.data
FROM dispatch.streams AS stream
LEFT JOIN LATERAL (
    SELECT seq, name, data FROM dispatch.stream_events
    WHERE stream_id = stream.stream_id AND seq > $3 ORDER BY seq LIMIT $4
) AS event ON true
WHERE stream.stream_id = $1 AND stream.owner = $2
ORDER BY event.seq";

pub(super) const BURY: &str = "
WITH dead AS (
    UPDATE dispatch.streams SET state = 'ended', last_seq = last_seq + 1, lease_until = now()
    WHERE stream_id = $1 AND state = 'open' AND kept AND lease_until <= now()
    RETURNING stream_id, last_seq)
INSERT INTO dispatch.stream_events (stream_id, seq, name, data)
SELECT stream_id, last_seq, 'error', $2::json FROM dead";

// The lease of a stream that has ended is over since its end, that of an orphan since its teller was last heard of.
pub(super) const PURGE: &str = "
WITH due AS (
    SELECT stream_id, last_seq, created_at FROM dispatch.streams
    WHERE kept AND created_at <= now() - $2 * interval '1 microsecond'
        AND lease_until <= now() - $2 * interval '1 microsecond'
    ORDER BY created_at LIMIT least($1, 500) FOR UPDATE SKIP LOCKED
), old AS (
    SELECT stream_id FROM (
        SELECT stream_id, sum(last_seq) OVER (ORDER BY created_at, stream_id) - last_seq AS before FROM due
    ) AS counted WHERE before < $1
), cleared AS (
    DELETE FROM dispatch.stream_events AS event USING old WHERE event.stream_id = old.stream_id
), marked AS (
    UPDATE dispatch.streams AS stream SET kept = false FROM old WHERE stream.stream_id = old.stream_id RETURNING 1
), ancient AS (
    SELECT stream_id FROM dispatch.streams
    WHERE NOT kept AND created_at <= now() - $3 * interval '1 microsecond'
    ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM dispatch.streams AS stream USING ancient WHERE stream.stream_id = ancient.stream_id RETURNING 1
)
SELECT ((SELECT count(*) FROM marked) + (SELECT count(*) FROM forgotten))::integer AS purged";
