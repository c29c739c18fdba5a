-- What the engine remembers. The truth about tables is the catalogue; this is what the catalogue cannot say.
CREATE TABLE IF NOT EXISTS dispatch_cutover.run (
    id                   uuid PRIMARY KEY,
    spec                 text NOT NULL,
    spec_digest          text NOT NULL,
    plan_hash            text NOT NULL,
    stage                text NOT NULL,
    started_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    heartbeat            timestamptz NOT NULL DEFAULT now(),
    host                 text NOT NULL,
    pid                  integer NOT NULL,
    target               text,
    verified_at          timestamptz,
    verified_fingerprint text,
    switched_at          timestamptz,
    contracted_at        timestamptz,
    paused               boolean NOT NULL DEFAULT false,
    counters             jsonb
);
CREATE TABLE IF NOT EXISTS dispatch_cutover.step (
    run_id     uuid NOT NULL REFERENCES dispatch_cutover.run ON DELETE CASCADE,
    relation   text NOT NULL,
    position   text NOT NULL,
    memory     jsonb NOT NULL DEFAULT '{}',
    filled_key jsonb,
    filled     bigint NOT NULL DEFAULT 0,
    filled_at  timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, relation)
);
CREATE TABLE IF NOT EXISTS dispatch_cutover.event (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES dispatch_cutover.run ON DELETE CASCADE,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    stage  text NOT NULL,
    what   text NOT NULL,
    detail jsonb
);
CREATE INDEX IF NOT EXISTS event_run ON dispatch_cutover.event (run_id);
COMMENT ON SCHEMA dispatch_cutover IS 'Records of `dispatch cutover`. May be dropped when its last run has contracted.';
COMMENT ON TABLE dispatch_cutover.run IS 'One rename of one database; the newest of a spec counts.';
COMMENT ON COLUMN dispatch_cutover.run.plan_hash IS 'What the plan was when it was expanded; later stages refuse another one.';
COMMENT ON COLUMN dispatch_cutover.run.target IS 'Where a rollback is going, from its begin to the next stage.';
COMMENT ON COLUMN dispatch_cutover.run.paused IS 'Set it to make backfill and verify wait: UPDATE … SET paused = true.';
COMMENT ON TABLE dispatch_cutover.step IS 'One table of a run, written in the transaction that moves it.';
COMMENT ON COLUMN dispatch_cutover.step.memory IS 'Old names that the catalogue no longer knows.';
COMMENT ON TABLE dispatch_cutover.event IS 'What happened, only ever added to.';
