ALTER TABLE dispatch.dispatches DROP COLUMN question;
