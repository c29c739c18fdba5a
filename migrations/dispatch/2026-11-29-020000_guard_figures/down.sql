DROP INDEX dispatch.legacy_traffic_of_a_flip;

-- The release before knows no such end.
UPDATE dispatch.flag_guards SET state = 'overtaken' WHERE state = 'unjudged';
ALTER TABLE dispatch.flag_guards DROP CONSTRAINT flag_guards_state_check;
ALTER TABLE dispatch.flag_guards ADD CONSTRAINT flag_guards_state_check
    CHECK (state IN ('armed', 'passed', 'flipped_back', 'overtaken'));

ALTER TABLE dispatch.flag_guards
    DROP COLUMN in_force_at,
    DROP COLUMN before_slow,
    DROP COLUMN before_failed,
    DROP COLUMN before_answered,
    DROP COLUMN contract;
