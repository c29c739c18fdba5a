-- A text that somebody asked about can be dispatched: then it is a unit like any other, that came in by our own API.
ALTER TABLE dispatch.units DROP CONSTRAINT units_source_check;
ALTER TABLE dispatch.units ADD CONSTRAINT units_source_check CHECK (source IN ('slack', 'sms', 'api'));

ALTER TABLE dispatch.signals DROP CONSTRAINT signals_source_check;
ALTER TABLE dispatch.signals ADD CONSTRAINT signals_source_check CHECK (source IN ('slack', 'sms', 'api'));

ALTER TABLE dispatch.classification_requests DROP CONSTRAINT classification_requests_source_check;
ALTER TABLE dispatch.classification_requests
    ADD CONSTRAINT classification_requests_source_check CHECK (source IN ('slack', 'sms', 'api'));

COMMENT ON COLUMN dispatch.classifications.unit_id IS
    'Null for a text that was classified on its own, until somebody has it dispatched.';

SELECT dispatch.revoke_foreign_access();
