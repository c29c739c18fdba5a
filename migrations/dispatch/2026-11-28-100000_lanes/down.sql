DROP INDEX dispatch.deliveries_lanes;
ALTER TABLE dispatch.deliveries DROP COLUMN lane, DROP COLUMN channel, DROP COLUMN due_since;
