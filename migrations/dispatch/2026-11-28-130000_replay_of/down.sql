ALTER TABLE dispatch.dispatches DROP COLUMN replay_of;
