CREATE OR REPLACE FUNCTION dispatch.note_mission_change() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = ''
AS $$
DECLARE
    mission jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO dispatch.mission_facts AS facts (mission_id, kind, version)
    VALUES (coalesce(mission ->> 'mission_id', mission ->> 'task_id'), TG_ARGV[0], 2)
    ON CONFLICT (mission_id) DO UPDATE SET version = facts.version + 1;
    RETURN NULL;
END
$$;

DROP FUNCTION dispatch.mission_standing(jsonb);
ALTER TABLE dispatch.mission_facts DROP COLUMN standing;
ALTER TABLE dispatch.effects DROP COLUMN withdrawn, DROP COLUMN revision;
DROP INDEX dispatch.units_in_thread;
COMMENT ON COLUMN dispatch.units.closed_at IS NULL;
ALTER TABLE dispatch.units DROP COLUMN revision;

DROP INDEX dispatch.signals_amends;
DROP INDEX dispatch.signals_amending;
ALTER TABLE dispatch.signals DROP CONSTRAINT signals_amendment;
ALTER TABLE dispatch.signals DROP CONSTRAINT signals_state_check;
-- The release before keeps changes as ignored.
UPDATE dispatch.signals SET state = 'ignored', ignored_reason = change || '_unsupported' WHERE amends IS NOT NULL;
ALTER TABLE dispatch.signals ADD CONSTRAINT signals_state_check CHECK (state IN ('queued', 'ignored'));
ALTER TABLE dispatch.signals
    DROP COLUMN look_again_at, DROP COLUMN amended_at, DROP COLUMN change, DROP COLUMN amends, DROP COLUMN attachments;
COMMENT ON COLUMN dispatch.signals.text IS NULL;
