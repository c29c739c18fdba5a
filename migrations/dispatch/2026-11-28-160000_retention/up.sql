-- What is finished goes when its time is over: the words of messages first, then everything else about them.
ALTER TABLE dispatch.signals ADD COLUMN emptied_at timestamptz;
COMMENT ON COLUMN dispatch.signals.emptied_at IS
    'When its text, payload and attachments went, for all messages of a unit at once. Null: they are here.';

-- Whether anybody will still do something about a mission, so that its story stays until then and for a while after.
ALTER TABLE dispatch.mission_facts
    ADD COLUMN is_over    boolean NOT NULL DEFAULT false,
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN dispatch.mission_facts.is_over IS 'Done, failed, cancelled or deleted. Kept by the trigger.';
COMMENT ON COLUMN dispatch.mission_facts.changed_at IS 'When its row was last changed. Kept by the trigger.';

CREATE FUNCTION dispatch.mission_is_over(mission jsonb) RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = ''
AS $$
    SELECT mission ->> 'deleted_at' IS NOT NULL
        OR coalesce(coalesce(mission ->> 'mission_status', mission ->> 'status') IN ('DONE', 'FAILED', 'CANCELLED'), false)
$$;

COMMENT ON FUNCTION dispatch.mission_is_over(jsonb) IS 'What mission_facts.is_over says of a mission''s row.';

CREATE OR REPLACE FUNCTION dispatch.note_mission_change() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = ''
AS $$
DECLARE
    mission jsonb := to_jsonb(NEW);
BEGIN
    INSERT INTO dispatch.mission_facts AS facts (mission_id, kind, version, standing, is_over)
    VALUES (coalesce(mission ->> 'mission_id', mission ->> 'task_id'), TG_ARGV[0], 2,
            dispatch.mission_standing(mission), dispatch.mission_is_over(mission))
    ON CONFLICT (mission_id) DO UPDATE SET
        version = facts.version + 1, standing = excluded.standing, is_over = excluded.is_over, changed_at = now();
    RETURN NULL;
END
$$;

-- Missions that were finished before this migration.
DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY
        ARRAY[to_regclass('public.dispatch_activities'), to_regclass('public.dispatch_agent_tasks')]
    LOOP
        IF relation IS NOT NULL THEN
            EXECUTE format(
                'UPDATE dispatch.mission_facts AS facts SET is_over = true '
                'FROM %s AS mission WHERE facts.mission_id = to_jsonb(mission) ->> ''mission_id'' '
                'AND dispatch.mission_is_over(to_jsonb(mission))', relation);
        END IF;
    END LOOP;
END
$$;

CREATE TABLE dispatch.retention (
    matter text PRIMARY KEY,
    cursor text NOT NULL DEFAULT '',
    due_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.retention IS
    'How far each walk over what may be too old has come. Its row is locked while a batch is removed: one replica at a time.';
COMMENT ON COLUMN dispatch.retention.matter IS 'What is removed: finished work, message bodies, …';
COMMENT ON COLUMN dispatch.retention.cursor IS 'The last row that was looked at; empty: a walk begins at the oldest.';
COMMENT ON COLUMN dispatch.retention.due_at IS 'When the next walk begins.';

SELECT dispatch.revoke_foreign_access();
