-- A unit's messages in their order. The order is part of the index so that a claim is served by this one alone: while the
-- statistics do not tell how many messages have a unit, all indexes over those that have one seem to cost the same.
CREATE INDEX signals_of_unit ON dispatch.signals (unit_id, occurred_at) WHERE unit_id IS NOT NULL;
DROP INDEX dispatch.signals_unit;

SELECT dispatch.revoke_foreign_access();
