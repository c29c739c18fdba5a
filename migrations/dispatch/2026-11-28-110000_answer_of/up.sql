ALTER TABLE dispatch.dispatches ADD COLUMN answer_of uuid REFERENCES dispatch.deliveries ON DELETE SET NULL;

COMMENT ON COLUMN dispatch.dispatches.answer_of IS
    'The delivery whose answer this routes on, where an external agent answered. An answer is routed on once.';

CREATE UNIQUE INDEX dispatches_answer_of ON dispatch.dispatches (answer_of) WHERE answer_of IS NOT NULL;

COMMENT ON COLUMN dispatch.send_permissions.recipient IS
    'sms:<E.164 number>, slack:<team id>, webhook:<endpoint> or agent:<agent>.';

SELECT dispatch.revoke_foreign_access();
