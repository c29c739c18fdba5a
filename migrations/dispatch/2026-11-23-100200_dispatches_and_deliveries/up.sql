CREATE TABLE dispatch.classifications (
    classification_id uuid PRIMARY KEY,
    unit_id           uuid REFERENCES dispatch.units ON DELETE CASCADE,
    schema_version    smallint NOT NULL,
    message_type      text NOT NULL CHECK (message_type IN ('GROUP', 'STRAY', 'INFO_REQUEST', 'IGNORE')),
    group_key         text,
    task_key          text,
    listing_type      text CHECK (listing_type IN ('SALE', 'LEASE')),
    address           text,
    assignee_hint     text,
    due_date          timestamp,
    task_title        text,
    confidence        real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    explanations      jsonb NOT NULL DEFAULT '[]',
    provenance        jsonb NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT classifications_one_key CHECK (
        (message_type = 'GROUP') = (group_key IS NOT NULL) AND (message_type = 'STRAY') = (task_key IS NOT NULL)
    )
);

COMMENT ON TABLE dispatch.classifications IS 'What units were understood to mean.';
COMMENT ON COLUMN dispatch.classifications.unit_id IS 'Null for a text that was classified on its own.';
COMMENT ON COLUMN dispatch.classifications.due_date IS 'Wall time in the brokerage''s zone, never an instant.';
COMMENT ON COLUMN dispatch.classifications.provenance IS 'Provider, model, prompt version, latency, fallback reason.';
COMMENT ON CONSTRAINT classifications_one_key ON dispatch.classifications IS
    'Exactly one of group_key and task_key for GROUP and STRAY, none otherwise.';

CREATE INDEX classifications_unit ON dispatch.classifications (unit_id) WHERE unit_id IS NOT NULL;

CREATE TABLE dispatch.dispatches (
    dispatch_id       uuid PRIMARY KEY,
    unit_id           uuid NOT NULL REFERENCES dispatch.units ON DELETE CASCADE,
    classification_id uuid NOT NULL REFERENCES dispatch.classifications ON DELETE CASCADE,
    rule              text NOT NULL,
    auto_dispatch     boolean NOT NULL,
    reason            text NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.dispatches IS 'Routing decisions that led to deliveries, one per classification and decision.';
COMMENT ON COLUMN dispatch.dispatches.rule IS 'The policy rule that decided, by its name in the policy file.';
COMMENT ON COLUMN dispatch.dispatches.auto_dispatch IS 'Whether Dispatch acted without a person''s word.';

CREATE INDEX dispatches_unit ON dispatch.dispatches (unit_id);
CREATE INDEX dispatches_classification ON dispatch.dispatches (classification_id);

CREATE TABLE dispatch.deliveries (
    delivery_id       uuid PRIMARY KEY,
    dispatch_id       uuid NOT NULL REFERENCES dispatch.dispatches ON DELETE CASCADE,
    unit_id           uuid NOT NULL,
    kind              text NOT NULL,
    destination       jsonb NOT NULL,
    content           jsonb NOT NULL,
    state             text NOT NULL
                      CHECK (state IN ('pending', 'delivered', 'held', 'exhausted', 'failed', 'unknown', 'cancelled')),
    reason            text,
    attempts          integer NOT NULL DEFAULT 0,
    next_attempt_at   timestamptz NOT NULL DEFAULT now(),
    claim_token       uuid,
    lease_until       timestamptz,
    after_delivery    uuid REFERENCES dispatch.deliveries ON DELETE CASCADE,
    may_have_been_sent boolean NOT NULL DEFAULT false,
    reference         text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    settled_at        timestamptz
);

COMMENT ON TABLE dispatch.deliveries IS 'One destination of a dispatch each, with its attempts.';
COMMENT ON COLUMN dispatch.deliveries.unit_id IS 'The dispatch''s unit, kept here for claiming; the dispatch owns it.';
COMMENT ON COLUMN dispatch.deliveries.kind IS 'Which courier serves it: storage, slack, …';
COMMENT ON COLUMN dispatch.deliveries.next_attempt_at IS
    'When it is due. The end of the lease while claimed; infinity while it waits for after_delivery.';
COMMENT ON COLUMN dispatch.deliveries.after_delivery IS
    'The delivery that must have arrived first. It makes this one due, or cancels it, in its own settlement.';
COMMENT ON COLUMN dispatch.deliveries.may_have_been_sent IS
    'An earlier attempt ended ambiguously, or its worker died: the courier looks before it sends.';
COMMENT ON COLUMN dispatch.deliveries.reference IS 'The destination''s name for what arrived, such as a Slack ts.';

CREATE INDEX deliveries_dispatch ON dispatch.deliveries (dispatch_id);
CREATE INDEX deliveries_after ON dispatch.deliveries (after_delivery) WHERE after_delivery IS NOT NULL;
CREATE INDEX deliveries_due ON dispatch.deliveries (kind, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_held ON dispatch.deliveries (created_at) WHERE state = 'held';
CREATE INDEX deliveries_dead ON dispatch.deliveries (settled_at) WHERE state IN ('exhausted', 'failed', 'unknown');

CREATE TABLE dispatch.effects (
    effect_key  text COLLATE "C" PRIMARY KEY,
    delivery_id uuid NOT NULL,
    listing_id  text,
    mission_id  text,
    created_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.effects IS
    'Rows that Dispatch added to the brokerage''s tables, each exactly once. No foreign key: an effect is remembered '
    'longer than the delivery that made it.';
COMMENT ON COLUMN dispatch.effects.effect_key IS 'unit/table/item. Present already means: done already.';

CREATE INDEX effects_listing ON dispatch.effects (listing_id) WHERE mission_id IS NULL;

CREATE TABLE dispatch.quotas (
    quota_key text PRIMARY KEY,
    taken_at  timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.quotas IS 'When a limited delivery was last planned, so that it happens once per interval.';

SELECT dispatch.revoke_foreign_access();
