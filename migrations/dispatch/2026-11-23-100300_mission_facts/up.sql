CREATE TABLE dispatch.mission_facts (
    mission_id        text PRIMARY KEY,
    kind              text NOT NULL CHECK (kind IN ('activity', 'agent_task')),
    unit_id           uuid,
    classification_id uuid,
    group_key         text,
    task_key          text,
    confidence        real,
    auto_dispatch     boolean,
    reason            text,
    needs_info        text,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.mission_facts IS
    'What Dispatch knows about a mission beyond the brokerage''s own columns; the same before, during and after the '
    'cut-over. No foreign key into public: the brokerage''s rows are not ours.';
COMMENT ON COLUMN dispatch.mission_facts.needs_info IS 'What must be answered first; shown as status needs_info.';
COMMENT ON COLUMN dispatch.mission_facts.version IS 'Counts changes of the mission, by a trigger on its table.';

CREATE INDEX mission_facts_unit ON dispatch.mission_facts (unit_id) WHERE unit_id IS NOT NULL;

-- Runs as its owner, for the roles that change missions have no access to this schema. It reads the row as JSON, so
-- that it works whichever names the columns have during the cut-over.
CREATE FUNCTION dispatch.note_mission_change() RETURNS trigger
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

COMMENT ON FUNCTION dispatch.note_mission_change() IS 'Trigger on the brokerage''s mission tables: counts changes.';

CREATE FUNCTION dispatch.install_mission_triggers() RETURNS integer
    LANGUAGE plpgsql
    SET search_path = ''
AS $$
DECLARE
    pair      record;
    installed integer := 0;
BEGIN
    FOR pair IN
        SELECT kind, coalesce(renamed.oid, original.oid)::regclass AS relation
        FROM (VALUES ('activity', 'dispatch_activities', 'activities'),
                     ('agent_task', 'dispatch_agent_tasks', 'agent_tasks')) AS names (kind, new_name, old_name)
        LEFT JOIN pg_catalog.pg_class AS renamed
            ON renamed.oid = to_regclass('public.' || new_name) AND renamed.relkind IN ('r', 'p')
        -- Between expand and switch the new name is a view, and the table still has its old one.
        LEFT JOIN pg_catalog.pg_class AS original
            ON original.oid = to_regclass('public.' || old_name) AND original.relkind IN ('r', 'p')
        WHERE to_regclass('public.' || new_name) IS NOT NULL
    LOOP
        IF pair.relation IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger
            WHERE tgrelid = pair.relation AND tgname = 'dispatch_note_mission_change'
        ) THEN
            EXECUTE format(
                'CREATE TRIGGER dispatch_note_mission_change AFTER UPDATE ON %s '
                'FOR EACH ROW EXECUTE FUNCTION dispatch.note_mission_change(%L)', pair.relation, pair.kind);
            installed := installed + 1;
        END IF;
    END LOOP;
    RETURN installed;
END
$$;

COMMENT ON FUNCTION dispatch.install_mission_triggers() IS
    'Puts the version trigger on the brokerage''s mission tables once they answer to Dispatch''s names. Idempotent.';

-- A database whose brokerage was there first, already under the new names.
SELECT dispatch.install_mission_triggers();
SELECT dispatch.revoke_foreign_access();
