-- What people answer to questions about held units is kept before it is acknowledged, and carried out after.
CREATE TABLE dispatch.answers (
    answer_id       uuid PRIMARY KEY,
    answer_key      text NOT NULL,
    delivery_id     uuid NOT NULL REFERENCES dispatch.deliveries ON DELETE CASCADE,
    workspace       text NOT NULL,
    person          text NOT NULL,
    says            jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
    outcome         text,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claim_token     uuid,
    lease_until     timestamptz,
    received_at     timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz,
    trace_id        uuid,
    CONSTRAINT answers_key UNIQUE (answer_key)
);

COMMENT ON TABLE dispatch.answers IS 'Answers to questions about held units, each once. They go with the question.';
COMMENT ON COLUMN dispatch.answers.answer_id IS 'The operation under which it is carried out: decisions.operation_id.';
COMMENT ON COLUMN dispatch.answers.answer_key IS 'What it is told apart by: the same click that comes again is known.';
COMMENT ON COLUMN dispatch.answers.delivery_id IS 'The question.';
COMMENT ON COLUMN dispatch.answers.workspace IS 'The Slack workspace of whoever answers.';
COMMENT ON COLUMN dispatch.answers.person IS 'Slack user id of whoever answers.';
COMMENT ON COLUMN dispatch.answers.outcome IS 'What it came to: confirmed, dismissed, decided_before, stranger, …';
COMMENT ON COLUMN dispatch.answers.next_attempt_at IS 'When it is due. The end of the lease while claimed.';

CREATE INDEX answers_due ON dispatch.answers (next_attempt_at) WHERE state = 'pending';
CREATE INDEX answers_delivery ON dispatch.answers (delivery_id);

SELECT dispatch.revoke_foreign_access();
