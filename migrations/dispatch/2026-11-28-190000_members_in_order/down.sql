CREATE INDEX signals_unit ON dispatch.signals (unit_id) WHERE unit_id IS NOT NULL;
DROP INDEX dispatch.signals_of_unit;
