-- The brokerage's tables as Supabase holds them, under Dispatch's names. Only for a database that Dispatch made.

CREATE FUNCTION public.touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = ''
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TABLE public.staff (
    staff_id      text PRIMARY KEY,
    email         text NOT NULL UNIQUE,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('admin', 'operations', 'marketing', 'support')),
    slack_user_id text UNIQUE,
    phone         text,
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended')),
    metadata      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    deleted_by    text
);
COMMENT ON TABLE public.staff IS 'The people who do the work.';

CREATE TABLE public.realtors (
    realtor_id     text PRIMARY KEY,
    email          text NOT NULL UNIQUE,
    name           text NOT NULL,
    phone          text,
    license_number text UNIQUE,
    brokerage      text,
    slack_user_id  text UNIQUE,
    territories    text[] NOT NULL DEFAULT '{}',
    status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'suspended', 'pending')),
    metadata       jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    deleted_by     text
);
COMMENT ON TABLE public.realtors IS 'The outside agents who write in and for whom the work is done.';

CREATE TABLE public.listings (
    listing_id     text PRIMARY KEY,
    address_string text NOT NULL,
    status         text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'in_progress', 'completed')),
    assignee       text,
    agent_id       text,
    realtor_id     text REFERENCES public.realtors ON DELETE SET NULL,
    due_date       timestamptz,
    progress       numeric(5, 2) NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    type           text,
    notes          text,
    completed_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    deleted_by     text
);
COMMENT ON TABLE public.listings IS 'Properties for sale or lease.';
CREATE INDEX listings_realtor ON public.listings (realtor_id) WHERE deleted_at IS NULL;
CREATE INDEX listings_status ON public.listings (status) WHERE deleted_at IS NULL;
CREATE INDEX listings_due_date ON public.listings (due_date) WHERE deleted_at IS NULL;

CREATE TABLE public.listing_notes (
    note_id         text PRIMARY KEY,
    listing_id      text NOT NULL REFERENCES public.listings ON DELETE CASCADE,
    content         text NOT NULL CHECK (length(content) >= 1),
    type            text NOT NULL DEFAULT 'general',
    created_by      text,
    created_by_name text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    deleted_by      text
);
COMMENT ON TABLE public.listing_notes IS 'What staff write down about a listing.';
CREATE INDEX listing_notes_listing ON public.listing_notes (listing_id, created_at);

CREATE TABLE public.listing_acknowledgments (
    id                text PRIMARY KEY,
    listing_id        text NOT NULL REFERENCES public.listings ON DELETE CASCADE,
    staff_id          text NOT NULL REFERENCES public.staff ON DELETE CASCADE,
    acknowledged_at   timestamptz NOT NULL DEFAULT now(),
    acknowledged_from text CHECK (acknowledged_from IN ('mobile', 'web', 'notification')),
    UNIQUE (listing_id, staff_id)
);
COMMENT ON TABLE public.listing_acknowledgments IS 'Which staff member has seen which new listing.';
CREATE INDEX listing_acknowledgments_staff ON public.listing_acknowledgments (staff_id);

CREATE TABLE public.dispatch_activities (
    mission_id        text PRIMARY KEY,
    listing_id        text NOT NULL REFERENCES public.listings ON DELETE CASCADE,
    realtor_id        text REFERENCES public.realtors ON DELETE SET NULL,
    name              text NOT NULL,
    description       text,
    mission_type      text CHECK (mission_type IN
                      ('ADMIN', 'MARKETING', 'PHOTO', 'STAGING', 'INSPECTION', 'SHOWING', 'OTHER')),
    mission_status    text NOT NULL DEFAULT 'OPEN' CHECK (mission_status IN
                      ('OPEN', 'CLAIMED', 'IN_PROGRESS', 'DONE', 'FAILED', 'CANCELLED')),
    priority          integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10),
    visibility_group  text NOT NULL DEFAULT 'BOTH' CHECK (visibility_group IN ('BOTH', 'AGENT', 'MARKETING')),
    assigned_staff_id text REFERENCES public.staff ON DELETE SET NULL,
    due_date          timestamptz,
    claimed_at        timestamptz,
    completed_at      timestamptz,
    inputs            jsonb,
    outputs           jsonb,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    deleted_by        text
);
COMMENT ON TABLE public.dispatch_activities IS 'Missions that belong to a listing.';
CREATE INDEX dispatch_activities_listing ON public.dispatch_activities (listing_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_activities_realtor ON public.dispatch_activities (realtor_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_activities_staff ON public.dispatch_activities (assigned_staff_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_activities_status ON public.dispatch_activities (mission_status) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_activities_type ON public.dispatch_activities (mission_type) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_activities_due_date ON public.dispatch_activities (due_date) WHERE deleted_at IS NULL;
-- Pages of missions, newest or most recently changed first.
CREATE INDEX dispatch_activities_created ON public.dispatch_activities (created_at, mission_id);
CREATE INDEX dispatch_activities_updated ON public.dispatch_activities (updated_at, mission_id);

CREATE TABLE public.dispatch_agent_tasks (
    mission_id        text PRIMARY KEY,
    realtor_id        text REFERENCES public.realtors ON DELETE CASCADE,
    task_key          text,
    name              text NOT NULL,
    description       text,
    mission_type      text CHECK (mission_type IN
                      ('ADMIN', 'MARKETING', 'PHOTO', 'STAGING', 'INSPECTION', 'SHOWING', 'OTHER')),
    listing_id        text REFERENCES public.listings ON DELETE SET NULL,
    mission_status    text NOT NULL DEFAULT 'OPEN' CHECK (mission_status IN
                      ('OPEN', 'CLAIMED', 'IN_PROGRESS', 'DONE', 'FAILED', 'CANCELLED')),
    priority          integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10),
    assigned_staff_id text REFERENCES public.staff ON DELETE SET NULL,
    due_date          timestamptz,
    claimed_at        timestamptz,
    completed_at      timestamptz,
    notes             text,
    inputs            jsonb,
    outputs           jsonb,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    deleted_by        text,
    UNIQUE (realtor_id, task_key)
);
COMMENT ON TABLE public.dispatch_agent_tasks IS 'Missions that belong to a realtor and may point at a listing.';
COMMENT ON COLUMN public.dispatch_agent_tasks.realtor_id IS 'Null where nobody could tell whose work it is.';
COMMENT ON COLUMN public.dispatch_agent_tasks.task_key IS
    'Kept for old clients and always null: its key allows one task per realtor. The real one is Dispatch''s own.';
CREATE INDEX dispatch_agent_tasks_realtor ON public.dispatch_agent_tasks (realtor_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_listing ON public.dispatch_agent_tasks (listing_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_staff ON public.dispatch_agent_tasks (assigned_staff_id) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_status ON public.dispatch_agent_tasks (mission_status) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_type ON public.dispatch_agent_tasks (mission_type) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_due_date ON public.dispatch_agent_tasks (due_date) WHERE deleted_at IS NULL;
CREATE INDEX dispatch_agent_tasks_created ON public.dispatch_agent_tasks (created_at, mission_id);
CREATE INDEX dispatch_agent_tasks_updated ON public.dispatch_agent_tasks (updated_at, mission_id);

CREATE TABLE public.slack_messages (
    message_id         text PRIMARY KEY,
    slack_user_id      text NOT NULL,
    slack_channel_id   text NOT NULL,
    slack_ts           text NOT NULL UNIQUE,
    slack_thread_ts    text,
    message_text       text,
    classification     jsonb,
    message_type       text,
    task_key           text,
    group_key          text,
    confidence         numeric(5, 4),
    created_listing_id text,
    created_task_id    text,
    created_task_type  text CHECK (created_task_type IN ('listing_task', 'stray_task')),
    processing_status  text NOT NULL DEFAULT 'pending'
                       CHECK (processing_status IN ('pending', 'processed', 'failed', 'skipped')),
    error_message      text,
    received_at        timestamptz NOT NULL DEFAULT now(),
    processed_at       timestamptz,
    metadata           jsonb,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    deleted_by         text
);
COMMENT ON TABLE public.slack_messages IS 'The old backend''s record of messages, kept for its clients.';

DO $$
DECLARE
    touched text;
BEGIN
    FOREACH touched IN ARRAY ARRAY['staff', 'realtors', 'listings', 'listing_notes', 'dispatch_activities',
                                   'dispatch_agent_tasks', 'slack_messages']
    LOOP
        EXECUTE format(
            'CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.%I '
            'FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at()', touched);
    END LOOP;
    -- Dispatch's own schema comes first, but a database may be given the brokerage alone.
    IF to_regprocedure('dispatch.install_mission_triggers()') IS NOT NULL THEN
        PERFORM dispatch.install_mission_triggers();
    END IF;
END
$$;
