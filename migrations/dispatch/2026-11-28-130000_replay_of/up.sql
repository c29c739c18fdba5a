-- A dispatch that somebody asked for once more knows which one it repeats.
ALTER TABLE dispatch.dispatches
    ADD COLUMN replay_of uuid REFERENCES dispatch.dispatches ON DELETE SET NULL;
COMMENT ON COLUMN dispatch.dispatches.replay_of IS 'The dispatch that it repeats, where somebody asked for that.';

CREATE INDEX dispatches_replay_of ON dispatch.dispatches (replay_of) WHERE replay_of IS NOT NULL;

SELECT dispatch.revoke_foreign_access();
