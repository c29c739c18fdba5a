COMMENT ON COLUMN dispatch.send_permissions.recipient IS 'sms:<E.164 number> or slack:<team id>.';
DROP INDEX dispatch.dispatches_answer_of;
ALTER TABLE dispatch.dispatches DROP COLUMN answer_of;
