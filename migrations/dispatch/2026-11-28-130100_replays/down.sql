ALTER TABLE dispatch.decisions DROP COLUMN skipped;
ALTER TABLE dispatch.units DROP COLUMN replay_id;
DROP TABLE dispatch.replays;
DROP TABLE dispatch.replay_items;
DROP TABLE dispatch.replay_batches;
