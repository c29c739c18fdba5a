DROP TABLE dispatch.retention;

CREATE OR REPLACE FUNCTION dispatch.note_mission_change() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = ''
AS $$
DECLARE
    mission jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO dispatch.mission_facts AS facts (mission_id, kind, version, standing)
    VALUES (coalesce(mission ->> 'mission_id', mission ->> 'task_id'), TG_ARGV[0], 2,
            dispatch.mission_standing(mission))
    ON CONFLICT (mission_id) DO UPDATE SET version = facts.version + 1, standing = excluded.standing;
    RETURN NULL;
END
$$;

DROP FUNCTION dispatch.mission_is_over(jsonb);
ALTER TABLE dispatch.mission_facts DROP COLUMN changed_at, DROP COLUMN is_over;
ALTER TABLE dispatch.signals DROP COLUMN emptied_at;

SELECT dispatch.revoke_foreign_access();
