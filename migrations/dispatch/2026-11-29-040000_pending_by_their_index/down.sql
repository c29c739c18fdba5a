DROP INDEX dispatch.units_due, dispatch.units_in_order;
CREATE INDEX units_due ON dispatch.units (next_attempt_at, ordinal) WHERE state = 'pending';
CREATE INDEX units_in_order ON dispatch.units (conversation, ordinal) WHERE state = 'pending';
