DROP INDEX dispatch.deliveries_in_line;
ALTER TABLE dispatch.deliveries DROP COLUMN line;
