-- What was dispatched of them stays in the brokerage's tables; the texts are on their own again.
UPDATE dispatch.classifications SET unit_id = NULL
WHERE unit_id IN (SELECT unit_id FROM dispatch.units WHERE source = 'api');
UPDATE dispatch.mission_facts SET unit_id = NULL
WHERE unit_id IN (SELECT unit_id FROM dispatch.units WHERE source = 'api');
DELETE FROM dispatch.signals WHERE source = 'api';
DELETE FROM dispatch.units WHERE source = 'api';
UPDATE dispatch.classification_requests SET source = NULL WHERE source = 'api';

ALTER TABLE dispatch.units DROP CONSTRAINT units_source_check;
ALTER TABLE dispatch.units ADD CONSTRAINT units_source_check CHECK (source IN ('slack', 'sms'));

ALTER TABLE dispatch.signals DROP CONSTRAINT signals_source_check;
ALTER TABLE dispatch.signals ADD CONSTRAINT signals_source_check CHECK (source IN ('slack', 'sms'));

ALTER TABLE dispatch.classification_requests DROP CONSTRAINT classification_requests_source_check;
ALTER TABLE dispatch.classification_requests
    ADD CONSTRAINT classification_requests_source_check CHECK (source IN ('slack', 'sms'));

COMMENT ON COLUMN dispatch.classifications.unit_id IS 'Null for a text that was classified on its own.';
