-- Dispatch's own schema. Nothing in it is granted to anybody, and nothing in it refers to a table in `public`.
-- `dispatch migrate` has made it already, for its own records, and takes it away again.
CREATE SCHEMA IF NOT EXISTS dispatch;
COMMENT ON SCHEMA dispatch IS 'What Dispatch knows. Granted to no Supabase role.';

-- Supabase's default privileges grant every new table to its API roles, whatever its schema. A default privilege can
-- only be undone object by object, so every migration that makes an object ends with a call of this function.
CREATE FUNCTION dispatch.revoke_foreign_access() RETURNS void
    LANGUAGE plpgsql
    SET search_path = ''
AS $$
DECLARE
    stranger text;
BEGIN
    FOR stranger IN
        SELECT 'PUBLIC'
        UNION ALL
        SELECT quote_ident(rolname) FROM pg_catalog.pg_roles
        WHERE rolname IN ('anon', 'authenticated', 'service_role')
    LOOP
        EXECUTE 'REVOKE ALL ON SCHEMA dispatch FROM ' || stranger;
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA dispatch FROM ' || stranger;
        EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA dispatch FROM ' || stranger;
        EXECUTE 'REVOKE ALL ON ALL ROUTINES IN SCHEMA dispatch FROM ' || stranger;
    END LOOP;
END
$$;

COMMENT ON FUNCTION dispatch.revoke_foreign_access() IS
    'Takes every object in this schema away from PUBLIC and the Supabase roles; called at the end of each migration.';

SELECT dispatch.revoke_foreign_access();
