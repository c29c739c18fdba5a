-- Many replays that somebody asked for at once, worked off at a rate.
CREATE TABLE dispatch.replay_batches (
    batch_id     uuid PRIMARY KEY,
    stage        text CHECK (stage IN ('classify', 'route', 'deliver')),
    forced       boolean NOT NULL,
    per_second   integer NOT NULL CHECK (per_second > 0),
    asked        jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
    more         boolean NOT NULL,
    next_step_at timestamptz NOT NULL DEFAULT now(),
    principal    text NOT NULL,
    operation_id uuid,
    note         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    CONSTRAINT replay_batches_operation UNIQUE (operation_id)
);

COMMENT ON TABLE dispatch.replay_batches IS 'Replays of many at a bounded rate. What is in one was chosen when it was asked for.';
COMMENT ON COLUMN dispatch.replay_batches.stage IS 'From where on; the natural one of each where nobody said.';
COMMENT ON COLUMN dispatch.replay_batches.asked IS 'The filters, for people who look at it later.';
COMMENT ON COLUMN dispatch.replay_batches.more IS 'Whether more fits the filters than it may hold.';
COMMENT ON COLUMN dispatch.replay_batches.next_step_at IS
    'When the next ones are due. Whoever takes them moves it on by a second, so that all replicas together keep the rate.';
COMMENT ON COLUMN dispatch.replay_batches.operation_id IS 'The request it came with, if that had a key.';

CREATE INDEX replay_batches_running ON dispatch.replay_batches (next_step_at) WHERE state = 'running';

CREATE TABLE dispatch.replay_items (
    batch_id   uuid NOT NULL REFERENCES dispatch.replay_batches ON DELETE CASCADE,
    place      integer NOT NULL,
    named      uuid NOT NULL,
    state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'skipped', 'refused')),
    reason     text,
    settled_at timestamptz,
    PRIMARY KEY (batch_id, place),
    CONSTRAINT replay_items_once UNIQUE (batch_id, named)
);

COMMENT ON TABLE dispatch.replay_items IS 'What is replayed in a batch, each settled in the transaction of its replay.';
COMMENT ON COLUMN dispatch.replay_items.named IS 'The unit, dispatch or delivery.';
COMMENT ON COLUMN dispatch.replay_items.reason IS 'Why it was refused: the code that its own replay would have been answered with.';

CREATE INDEX replay_items_pending ON dispatch.replay_items (batch_id, place) WHERE state = 'pending';

CREATE TABLE dispatch.replays (
    replay_id    uuid PRIMARY KEY,
    named        uuid NOT NULL,
    unit_id      uuid NOT NULL REFERENCES dispatch.units ON DELETE CASCADE,
    stage        text NOT NULL CHECK (stage IN ('classify', 'route', 'deliver')),
    forced       boolean NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('understood_anew', 'dispatched', 'held', 'nothing')),
    dispatch_id  uuid REFERENCES dispatch.dispatches ON DELETE CASCADE,
    redriven     uuid[] NOT NULL DEFAULT '{}',
    skipped      uuid[] NOT NULL DEFAULT '{}',
    principal    text NOT NULL,
    operation_id uuid,
    batch_id     uuid REFERENCES dispatch.replay_batches ON DELETE SET NULL,
    note         text,
    replayed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT replays_operation UNIQUE (operation_id)
);

COMMENT ON TABLE dispatch.replays IS 'What was done once more: who asked for it, when, why, and what came of it.';
COMMENT ON COLUMN dispatch.replays.replay_id IS 'Also what tells the effects of a forced replay from those before.';
COMMENT ON COLUMN dispatch.replays.named IS 'The id that somebody named: of an event, unit, classification, dispatch or delivery.';
COMMENT ON COLUMN dispatch.replays.dispatch_id IS 'The dispatch that was written, if there was one.';
COMMENT ON COLUMN dispatch.replays.redriven IS 'Deliveries that were made due again.';
COMMENT ON COLUMN dispatch.replays.skipped IS 'Deliveries that were left alone, for they had succeeded or were under way.';
COMMENT ON COLUMN dispatch.replays.operation_id IS 'The request it came with, if that had a key: a repeat finds what was done.';

CREATE INDEX replays_unit ON dispatch.replays (unit_id);
CREATE INDEX replays_dispatch ON dispatch.replays (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE UNIQUE INDEX replays_batch ON dispatch.replays (batch_id, named) WHERE batch_id IS NOT NULL;

ALTER TABLE dispatch.units ADD COLUMN replay_id uuid;
COMMENT ON COLUMN dispatch.units.replay_id IS
    'The replay that made it due, until it is settled. No foreign key, because replays points here.';

ALTER TABLE dispatch.decisions ADD COLUMN skipped uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN dispatch.decisions.skipped IS
    'Deliveries that stand for what was wanted, so that it was not done again.';

SELECT dispatch.revoke_foreign_access();
