-- Roles stay: they belong to the cluster, and other databases may use them.
DROP POLICY "Signed-in users can delete their own notes" ON public.listing_notes;
DROP POLICY "Signed-in users can change their own notes" ON public.listing_notes;
DROP POLICY "Signed-in users can write their own notes" ON public.listing_notes;
DROP POLICY "Signed-in users can read notes" ON public.listing_notes;
DROP POLICY "Signed-in users can read realtors" ON public.realtors;
DROP POLICY "Signed-in users can read staff" ON public.staff;
DROP POLICY "Public can read listing acknowledgments" ON public.listing_acknowledgments;
DROP POLICY "Public can read listings" ON public.listings;
DROP POLICY "Public can read dispatch missions" ON public.dispatch_agent_tasks;
DROP POLICY "Public can read dispatch missions" ON public.dispatch_activities;

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['staff', 'realtors', 'listings', 'listing_notes', 'listing_acknowledgments',
                                   'dispatch_activities', 'dispatch_agent_tasks', 'slack_messages']
    LOOP
        EXECUTE format('ALTER TABLE public.%I DISABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('REVOKE ALL ON public.%I FROM anon, authenticated, service_role', guarded);
    END LOOP;
    IF obj_description(to_regnamespace('auth'), 'pg_namespace') LIKE '%Made by Dispatch%' THEN
        DROP FUNCTION auth.uid();
        DROP SCHEMA auth RESTRICT;
    END IF;
END
$$;

REVOKE USAGE ON SCHEMA public FROM anon, authenticated, service_role;
