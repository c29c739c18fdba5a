-- The default serves an older version that still inserts while this one is rolled out.
ALTER TABLE dispatch.deliveries
    ADD COLUMN lane      text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN channel   text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN due_since timestamptz NOT NULL DEFAULT now();

COMMENT ON COLUMN dispatch.deliveries.lane IS 'Who has to be there to take it, such as slack/T1 or storage.';
COMMENT ON COLUMN dispatch.deliveries.channel IS 'The part of it that is written to at a rate of its own; empty for the whole.';
COMMENT ON COLUMN dispatch.deliveries.due_since IS
    'Since when nothing but its destination keeps it waiting: what its deadline counts from.';

UPDATE dispatch.deliveries SET
    lane = coalesce(CASE kind
        WHEN 'slack' THEN 'slack/' || (destination ->> 'workspace')
        WHEN 'sms' THEN 'sms/' || (destination ->> 'from') END, kind),
    channel = coalesce(CASE kind WHEN 'slack' THEN destination ->> 'channel_id' END, '')
WHERE state NOT IN ('delivered', 'cancelled') AND kind IN ('slack', 'sms', 'storage');

CREATE INDEX deliveries_lanes ON dispatch.deliveries (kind, lane, channel, next_attempt_at) WHERE state = 'pending';

SELECT dispatch.revoke_foreign_access();
