DROP INDEX dispatch.timeline_mission;
ALTER TABLE dispatch.timeline DROP CONSTRAINT timeline_step_check;
-- The release before does not know this word; the entry itself stays.
UPDATE dispatch.timeline SET step = 'deliver' WHERE step = 'mission';
ALTER TABLE dispatch.timeline ADD CONSTRAINT timeline_step_check
    CHECK (step IN ('intake', 'reason', 'route', 'deliver'));

-- Nobody can resume an operation any more.
DELETE FROM dispatch.effects WHERE delivery_id IS NULL;
ALTER TABLE dispatch.effects ALTER COLUMN delivery_id SET NOT NULL;

DROP TABLE dispatch.idempotency_keys;
