CREATE TABLE dispatch.idempotency_keys (
    scope_key    text COLLATE "C" PRIMARY KEY,
    fingerprint  text NOT NULL,
    operation_id uuid NOT NULL,
    state        text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'finished')),
    lease_until  timestamptz NOT NULL,
    status       smallint,
    headers      jsonb,
    body         bytea CHECK (octet_length(body) <= 1048576),
    stream_id    text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_answer CHECK (
        CASE state WHEN 'finished' THEN (status IS NULL) <> (stream_id IS NULL) ELSE status IS NULL AND stream_id IS NULL END)
);

COMMENT ON TABLE dispatch.idempotency_keys IS
    'What was asked under an Idempotency-Key, and the answer to it, so that a repeat is answered and not done again.';
COMMENT ON COLUMN dispatch.idempotency_keys.scope_key IS 'Digest of principal, method, route and key; no key is kept.';
COMMENT ON COLUMN dispatch.idempotency_keys.fingerprint IS 'Digest of what was asked. A repeat asks the same.';
COMMENT ON COLUMN dispatch.idempotency_keys.operation_id IS
    'Carried by every effect of the request, and by whoever resumes it after a holder that was lost.';
COMMENT ON COLUMN dispatch.idempotency_keys.lease_until IS 'Until then a repeat is told to wait; after it, it resumes.';
COMMENT ON COLUMN dispatch.idempotency_keys.stream_id IS 'The stream that was the answer; a repeat follows it.';

CREATE INDEX idempotency_keys_expired ON dispatch.idempotency_keys (expires_at);

-- An effect of a request that a person made has no delivery behind it; its key is operation/<operation_id>/….
ALTER TABLE dispatch.effects ALTER COLUMN delivery_id DROP NOT NULL;

-- What people do to missions is part of the story.
ALTER TABLE dispatch.timeline DROP CONSTRAINT timeline_step_check;
ALTER TABLE dispatch.timeline ADD CONSTRAINT timeline_step_check
    CHECK (step IN ('intake', 'reason', 'route', 'deliver', 'mission'));
CREATE INDEX timeline_mission ON dispatch.timeline (subject, entry) WHERE step = 'mission';

SELECT dispatch.revoke_foreign_access();
