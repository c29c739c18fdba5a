-- Operations Center's database as it is found in the field: Supabase's roles and default privileges, names that still carry
-- words of two renames ago, a default that its CHECK refuses, row level security, Realtime. For tests and the rehearsal.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN %s', wanted, CASE wanted WHEN 'service_role' THEN 'BYPASSRLS' ELSE '' END);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;
CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
GRANT USAGE ON SCHEMA public, auth TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$;

CREATE TABLE public.staff (
    staff_id text PRIMARY KEY, email text UNIQUE, name text, role text CHECK (role IN ('admin', 'operations', 'marketing', 'support')),
    slack_user_id text UNIQUE, phone text, status text DEFAULT 'active', metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text);
CREATE TABLE public.realtors (
    realtor_id text PRIMARY KEY, email text UNIQUE, name text, phone text, license_number text UNIQUE, brokerage text,
    slack_user_id text UNIQUE, territories text[], status text DEFAULT 'active', metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text);
CREATE TABLE public.listings (
    listing_id text PRIMARY KEY, address_string text, status text DEFAULT 'new', assignee text, agent_id text,
    realtor_id text REFERENCES public.realtors ON DELETE SET NULL, due_date timestamptz,
    progress numeric(5, 2) CHECK (progress BETWEEN 0 AND 100), type text, notes text, completed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text);

CREATE TABLE public.listing_tasks (
    task_id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    listing_id text NOT NULL REFERENCES public.listings ON DELETE CASCADE,
    realtor_id text REFERENCES public.realtors ON DELETE SET NULL,
    name text NOT NULL, description text,
    task_category text CONSTRAINT listing_tasks_task_category_check CHECK (task_category IN ('ADMIN', 'MARKETING')),
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT listing_tasks_status_check
        CHECK (status IN ('OPEN', 'CLAIMED', 'IN_PROGRESS', 'DONE', 'FAILED', 'CANCELLED')),
    priority integer NOT NULL DEFAULT 0 CONSTRAINT listing_tasks_priority_check CHECK (priority BETWEEN 0 AND 10),
    visibility_group text NOT NULL DEFAULT 'BOTH' CHECK (visibility_group IN ('BOTH', 'AGENT', 'MARKETING')),
    assigned_staff_id text REFERENCES public.staff ON DELETE SET NULL,
    due_date timestamptz, claimed_at timestamptz, completed_at timestamptz, inputs jsonb DEFAULT '{}', outputs jsonb,
    abandoned text,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text);
CREATE INDEX idx_listing_tasks_listing_id ON public.listing_tasks (listing_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_listing_tasks_realtor_id ON public.listing_tasks (realtor_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_listing_tasks_assigned_staff_id ON public.listing_tasks (assigned_staff_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_listing_tasks_status ON public.listing_tasks (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_listing_tasks_task_category ON public.listing_tasks (task_category) WHERE deleted_at IS NULL;
CREATE INDEX idx_listing_tasks_due_date ON public.listing_tasks (due_date) WHERE deleted_at IS NULL;
ALTER TABLE public.listing_tasks DROP COLUMN abandoned;
ALTER TABLE public.listing_tasks RENAME TO activities;

CREATE TABLE public.stray_tasks (
    task_id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    realtor_id text NOT NULL REFERENCES public.realtors ON DELETE CASCADE,
    task_key text, name text NOT NULL, description text,
    -- The default is one that the check refuses: rows must give a value.
    task_category text NOT NULL DEFAULT 'OTHER' CONSTRAINT stray_tasks_task_category_check CHECK (task_category IN ('ADMIN', 'MARKETING')),
    listing_id text REFERENCES public.listings ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT stray_tasks_status_check
        CHECK (status IN ('OPEN', 'CLAIMED', 'IN_PROGRESS', 'DONE', 'FAILED', 'CANCELLED')),
    priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10),
    assigned_staff_id text REFERENCES public.staff ON DELETE SET NULL,
    due_date timestamptz, claimed_at timestamptz, completed_at timestamptz, notes text, inputs jsonb DEFAULT '{}', outputs jsonb,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text,
    CONSTRAINT stray_tasks_realtor_id_task_key_key UNIQUE (realtor_id, task_key));
CREATE INDEX idx_stray_tasks_realtor_id ON public.stray_tasks (realtor_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_stray_tasks_listing_id ON public.stray_tasks (listing_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_stray_tasks_status ON public.stray_tasks (status) WHERE deleted_at IS NULL;
CREATE INDEX idx_stray_tasks_task_category ON public.stray_tasks (task_category) WHERE deleted_at IS NULL;
ALTER TABLE public.stray_tasks RENAME TO agent_tasks;

CREATE TRIGGER update_listing_tasks_updated_at BEFORE UPDATE ON public.activities
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER update_stray_tasks_updated_at BEFORE UPDATE ON public.agent_tasks
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

ALTER TABLE public.activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.agent_tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Public can read listing tasks" ON public.activities FOR SELECT TO anon USING (deleted_at IS NULL);
CREATE POLICY "Public can read stray tasks" ON public.agent_tasks FOR SELECT TO anon USING (deleted_at IS NULL);
CREATE POLICY "Staff work on listing tasks" ON public.activities TO authenticated
    USING (deleted_at IS NULL) WITH CHECK (status <> 'FAILED');
REVOKE ALL ON public.activities, public.agent_tasks FROM anon, authenticated;
GRANT SELECT ON public.activities, public.agent_tasks TO anon;
GRANT SELECT, INSERT, UPDATE ON public.activities TO authenticated;
GRANT SELECT (task_id, name, status), UPDATE (status) ON public.agent_tasks TO authenticated;

COMMENT ON TABLE public.activities IS 'Work on a listing';
COMMENT ON COLUMN public.activities.task_category IS 'ADMIN or MARKETING';
CREATE PUBLICATION supabase_realtime FOR TABLE public.activities, public.agent_tasks;

INSERT INTO public.staff (staff_id, email, name, role) VALUES ('s1', 's1@example.com', 'Sam', 'admin');
INSERT INTO public.realtors (realtor_id, email, name) SELECT 'r' || n, 'r' || n || '@example.com', 'Realtor ' || n FROM generate_series(1, 20) AS n;
INSERT INTO public.listings (listing_id, address_string, realtor_id) SELECT 'l' || n, n || ' Main St', 'r' || (n % 20 + 1) FROM generate_series(1, 50) AS n;
