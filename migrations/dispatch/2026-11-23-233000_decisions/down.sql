DROP TABLE dispatch.decisions;
-- What was dismissed was not acted on; the story still says by whom.
UPDATE dispatch.units SET state = 'ignored', reason = 'dismissed' WHERE state = 'dismissed';
ALTER TABLE dispatch.units DROP CONSTRAINT units_state_check;
ALTER TABLE dispatch.units ADD CONSTRAINT units_state_check
    CHECK (state IN ('pending', 'held', 'routed', 'ignored', 'dead', 'expired'));

SELECT dispatch.revoke_foreign_access();
