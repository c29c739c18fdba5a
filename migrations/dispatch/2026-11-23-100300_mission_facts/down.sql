DO $$
DECLARE
    ours record;
BEGIN
    FOR ours IN
        SELECT tgname, tgrelid::regclass AS relation FROM pg_trigger
        WHERE tgfoid = 'dispatch.note_mission_change()'::regprocedure
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', ours.tgname, ours.relation);
    END LOOP;
END
$$;

DROP FUNCTION dispatch.install_mission_triggers();
DROP FUNCTION dispatch.note_mission_change();
DROP TABLE dispatch.mission_facts;
