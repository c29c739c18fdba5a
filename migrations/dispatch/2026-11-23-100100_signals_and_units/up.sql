CREATE TABLE dispatch.units (
    unit_id           uuid PRIMARY KEY,
    ordinal           bigint GENERATED ALWAYS AS IDENTITY,
    source            text NOT NULL CHECK (source IN ('slack', 'sms')),
    workspace         text NOT NULL,
    channel           text NOT NULL,
    thread            text,
    conversation      text NOT NULL,
    author            text NOT NULL,
    state             text NOT NULL DEFAULT 'pending'
                      CHECK (state IN ('pending', 'held', 'routed', 'ignored', 'dead', 'expired')),
    reason            text,
    attempts          integer NOT NULL DEFAULT 0,
    next_attempt_at   timestamptz NOT NULL DEFAULT now(),
    claim_token       uuid,
    lease_until       timestamptz,
    classification_id uuid,
    expires_at        timestamptz,
    opened_at         timestamptz NOT NULL,
    closed_at         timestamptz NOT NULL DEFAULT now(),
    settled_at        timestamptz,
    trace_id          uuid
);

COMMENT ON TABLE dispatch.units IS 'Bursts of signals by one author in one conversation, understood as a whole.';
COMMENT ON COLUMN dispatch.units.ordinal IS 'Order within a conversation: only its lowest pending unit may be claimed.';
COMMENT ON COLUMN dispatch.units.conversation IS 'source/workspace/channel/thread in one text; - for no thread.';
COMMENT ON COLUMN dispatch.units.reason IS 'Why it is held, dead or expired; what went wrong last while it is pending.';
COMMENT ON COLUMN dispatch.units.attempts IS 'Counted when claimed, so that a unit that kills its worker is counted too.';
COMMENT ON COLUMN dispatch.units.next_attempt_at IS
    'When it is due. A claim sets it to the end of its lease, so that claimed rows leave the range that claiming reads.';
COMMENT ON COLUMN dispatch.units.claim_token IS 'Proof of the claim; a settlement that does not carry it writes nothing.';
COMMENT ON COLUMN dispatch.units.classification_id IS
    'The one in force. Earlier ones stay in classifications; no foreign key, because classifications points here.';
COMMENT ON COLUMN dispatch.units.expires_at IS 'When a held unit lapses, if it does.';
COMMENT ON COLUMN dispatch.units.opened_at IS 'When its first signal was received.';
COMMENT ON COLUMN dispatch.units.trace_id IS 'W3C trace id of the request that brought the first signal.';

-- Claiming reads unfinished rows only, so its cost does not grow with history.
CREATE INDEX units_due ON dispatch.units (next_attempt_at, ordinal) WHERE state = 'pending';
CREATE INDEX units_in_order ON dispatch.units (conversation, ordinal) WHERE state = 'pending';
CREATE INDEX units_held ON dispatch.units (closed_at) WHERE state = 'held';
CREATE INDEX units_lapsing ON dispatch.units (expires_at) WHERE state = 'held' AND expires_at IS NOT NULL;
CREATE INDEX units_dead ON dispatch.units (settled_at) WHERE state = 'dead';

CREATE TABLE dispatch.signals (
    signal_id         uuid PRIMARY KEY,
    source            text NOT NULL CHECK (source IN ('slack', 'sms')),
    workspace         text NOT NULL,
    channel           text NOT NULL,
    thread            text,
    conversation      text NOT NULL,
    author            text NOT NULL,
    burst             text NOT NULL GENERATED ALWAYS AS (conversation || ' ' || author) STORED,
    text              text NOT NULL,
    message_ref       text NOT NULL,
    provider_event_id text,
    event_key         text,
    content_key       text NOT NULL,
    state             text NOT NULL CHECK (state IN ('queued', 'ignored')),
    ignored_reason    text CHECK ((state = 'ignored') = (ignored_reason IS NOT NULL)),
    unit_id           uuid REFERENCES dispatch.units,
    occurred_at       timestamptz NOT NULL,
    received_at       timestamptz NOT NULL DEFAULT now(),
    payload           jsonb NOT NULL,
    trace_id          uuid,
    retry_num         integer,
    retry_reason      text,
    CONSTRAINT signals_event_key UNIQUE (event_key),
    CONSTRAINT signals_content_key UNIQUE (content_key)
);

COMMENT ON TABLE dispatch.signals IS 'Messages as they came in, each once. The row is the first entry of its story.';
COMMENT ON COLUMN dispatch.signals.burst IS 'What a burst is collected by: conversation and author.';
COMMENT ON COLUMN dispatch.signals.message_ref IS 'The provider''s name of the message: Slack ts, Twilio MessageSid.';
COMMENT ON COLUMN dispatch.signals.event_key IS 'The provider''s id of the event that brought it, if there is one.';
COMMENT ON COLUMN dispatch.signals.content_key IS 'What the message is; one message may come in as several events.';
COMMENT ON COLUMN dispatch.signals.unit_id IS
    'The unit it belongs to. Null and queued means still due, however late the row became visible.';
COMMENT ON COLUMN dispatch.signals.occurred_at IS 'When it was written, by the provider''s clock.';
COMMENT ON COLUMN dispatch.signals.payload IS 'The body as received.';
COMMENT ON COLUMN dispatch.signals.retry_num IS 'Set when the first delivery that arrived was already a repeat.';

CREATE INDEX signals_due ON dispatch.signals (received_at) WHERE unit_id IS NULL AND state = 'queued';
CREATE INDEX signals_due_burst ON dispatch.signals (burst) WHERE unit_id IS NULL AND state = 'queued';
CREATE INDEX signals_unit ON dispatch.signals (unit_id) WHERE unit_id IS NOT NULL;
-- What people search by. A queued signal enters these when its burst is closed, so that intake does not pay for them;
-- until then it is found among the due ones.
CREATE INDEX signals_message_ref ON dispatch.signals (message_ref) WHERE unit_id IS NOT NULL OR state = 'ignored';
CREATE INDEX signals_provider_event ON dispatch.signals (provider_event_id)
    WHERE unit_id IS NOT NULL OR state = 'ignored';
CREATE INDEX signals_trace ON dispatch.signals (trace_id) WHERE unit_id IS NOT NULL OR state = 'ignored';

SELECT dispatch.revoke_foreign_access();
