-- Who may read and write what, as Supabase arranges it: roles, grants, row level security.

-- Roles belong to the whole cluster. Another database may make them in the same moment.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES ('anon', ''), ('authenticated', ''), ('service_role', ' BYPASSRLS')) AS roles (name, extra)
        WHERE to_regrole(name) IS NULL
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT%s', wanted.name, wanted.extra);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            -- Only a superuser may hand out BYPASSRLS.
            WHEN insufficient_privilege THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted.name);
        END;
    END LOOP;
END
$$;

DO $$
BEGIN
    IF to_regnamespace('auth') IS NULL THEN
        CREATE SCHEMA auth;
        COMMENT ON SCHEMA auth IS 'Stand-in for Supabase Auth. Made by Dispatch.';
        GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
        CREATE FUNCTION auth.uid() RETURNS uuid
            LANGUAGE sql STABLE
            AS 'SELECT nullif(current_setting(''request.jwt.claim.sub'', true), '''')::uuid';
        COMMENT ON FUNCTION auth.uid() IS 'The user of the request, as Supabase''s own function tells it.';
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['staff', 'realtors', 'listings', 'listing_notes', 'listing_acknowledgments',
                                   'dispatch_activities', 'dispatch_agent_tasks', 'slack_messages']
    LOOP
        EXECUTE format('GRANT ALL ON public.%I TO anon, authenticated, service_role', guarded);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', guarded);
    END LOOP;
END
$$;

CREATE POLICY "Public can read dispatch missions" ON public.dispatch_activities
    FOR SELECT TO anon, authenticated USING (deleted_at IS NULL);
CREATE POLICY "Public can read dispatch missions" ON public.dispatch_agent_tasks
    FOR SELECT TO anon, authenticated USING (deleted_at IS NULL);
CREATE POLICY "Public can read listings" ON public.listings
    FOR SELECT TO anon, authenticated USING (deleted_at IS NULL);
CREATE POLICY "Public can read listing acknowledgments" ON public.listing_acknowledgments
    FOR SELECT TO anon, authenticated USING (true);
-- People's names and numbers, and what they wrote, are not for everybody: the old system's anon could read them all.
CREATE POLICY "Signed-in users can read staff" ON public.staff
    FOR SELECT TO authenticated USING (deleted_at IS NULL);
CREATE POLICY "Signed-in users can read realtors" ON public.realtors
    FOR SELECT TO authenticated USING (deleted_at IS NULL);
CREATE POLICY "Signed-in users can read notes" ON public.listing_notes
    FOR SELECT TO authenticated USING (true);
CREATE POLICY "Signed-in users can write their own notes" ON public.listing_notes
    FOR INSERT TO authenticated WITH CHECK (created_by = auth.uid()::text);
CREATE POLICY "Signed-in users can change their own notes" ON public.listing_notes
    FOR UPDATE TO authenticated USING (created_by = auth.uid()::text) WITH CHECK (created_by = auth.uid()::text);
CREATE POLICY "Signed-in users can delete their own notes" ON public.listing_notes
    FOR DELETE TO authenticated USING (created_by = auth.uid()::text);
