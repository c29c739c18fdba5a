-- Where a long history is finished and the planner believes that nothing waits, both indexes looked alike to it, and for the
-- first unit of a conversation it read all that waited by the other one. Now each has a condition of its own, always true,
-- that only the queries for it state (see store/units/claim.rs). Workers of the release before state neither: they claim slowly
-- until they are replaced (docs/DEPLOY.md).
DROP INDEX dispatch.units_due, dispatch.units_in_order;
CREATE INDEX units_due ON dispatch.units (next_attempt_at, ordinal)
    WHERE state = 'pending' AND next_attempt_at > '-infinity';
CREATE INDEX units_in_order ON dispatch.units (conversation, ordinal) WHERE state = 'pending' AND ordinal > 0;

SELECT dispatch.revoke_foreign_access();
