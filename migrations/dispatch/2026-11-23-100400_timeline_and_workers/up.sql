CREATE TABLE dispatch.timeline (
    entry       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    step        text NOT NULL CHECK (step IN ('intake', 'reason', 'route', 'deliver')),
    event       text NOT NULL,
    signal_id   uuid,
    unit_id     uuid,
    delivery_id uuid,
    subject     text,
    detail      jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE dispatch.timeline IS
    'What happened, each entry written in the transaction that made it true. Ids, decisions and outcomes; never a '
    'message''s text. No foreign keys: an entry is a fact, whatever becomes of the row it speaks of.';
COMMENT ON COLUMN dispatch.timeline.subject IS 'The row it happened to, as people name it.';

CREATE INDEX timeline_unit ON dispatch.timeline (unit_id, entry) WHERE unit_id IS NOT NULL;
CREATE INDEX timeline_signal ON dispatch.timeline (signal_id, entry) WHERE signal_id IS NOT NULL;
-- A repeat is known by its own request and event too; there are few of them.
CREATE INDEX timeline_repeat_trace ON dispatch.timeline ((detail ->> 'trace_id')) WHERE event = 'signal.duplicate';
CREATE INDEX timeline_repeat_event ON dispatch.timeline ((detail ->> 'provider_event_id'))
    WHERE event = 'signal.duplicate';

CREATE TABLE dispatch.workers (
    worker     text PRIMARY KEY,
    beat_at    timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.workers IS 'Workers that reported lately.';

SELECT dispatch.revoke_foreign_access();
