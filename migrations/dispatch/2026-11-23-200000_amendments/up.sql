-- Messages change after they came in: by an edit, a deletion, or an answer to a question.
ALTER TABLE dispatch.signals
    ADD COLUMN attachments   jsonb,
    ADD COLUMN amends        text,
    ADD COLUMN change        text CHECK (change IN ('edit', 'delete')),
    ADD COLUMN amended_at    timestamptz,
    ADD COLUMN look_again_at timestamptz;
ALTER TABLE dispatch.signals DROP CONSTRAINT signals_state_check;
ALTER TABLE dispatch.signals ADD CONSTRAINT signals_state_check
    CHECK (state IN ('queued', 'ignored', 'amending', 'applied'));
ALTER TABLE dispatch.signals ADD CONSTRAINT signals_amendment CHECK ((amends IS NULL) = (change IS NULL));

COMMENT ON COLUMN dispatch.signals.text IS 'What it says now. The payload keeps what came in.';
COMMENT ON COLUMN dispatch.signals.attachments IS 'Files that came with it: name, media type, URL. Never fetched.';
COMMENT ON COLUMN dispatch.signals.amends IS 'Content key of the message that this one changes.';
COMMENT ON COLUMN dispatch.signals.amended_at IS
    'When it was last changed, by the provider''s clock: an older change that comes late does nothing. Infinity: deleted.';
COMMENT ON COLUMN dispatch.signals.look_again_at IS 'When a waiting amendment is looked at again.';

CREATE INDEX signals_amending ON dispatch.signals (look_again_at) WHERE state = 'amending';
CREATE INDEX signals_amends ON dispatch.signals (amends) WHERE amends IS NOT NULL;

ALTER TABLE dispatch.units ADD COLUMN revision integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN dispatch.units.revision IS 'How often its messages have changed since it was first settled.';
COMMENT ON COLUMN dispatch.units.closed_at IS 'When it became due: its burst was closed, or its messages changed.';
-- The last unit of a thread or of a phone: what an answer is looked for by. Messages at the root of a channel, which most
-- are, do not pay for it.
CREATE INDEX units_in_thread ON dispatch.units (conversation, ordinal) WHERE thread IS NOT NULL;

ALTER TABLE dispatch.effects
    ADD COLUMN revision  integer NOT NULL DEFAULT 0,
    ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN dispatch.effects.revision IS 'The revision of the unit that its rows say.';
COMMENT ON COLUMN dispatch.effects.withdrawn IS 'Whether a later revision took its rows back.';

-- Where a mission stands as far as changing it is concerned, so that nothing has to read the brokerage's tables for it.
ALTER TABLE dispatch.mission_facts
    ADD COLUMN standing text NOT NULL DEFAULT 'open' CHECK (standing IN ('open', 'taken', 'closed'));
COMMENT ON COLUMN dispatch.mission_facts.standing IS
    'open: nobody took it up; taken: somebody did, or finished it; closed: cancelled or deleted. Kept by the trigger.';

CREATE FUNCTION dispatch.mission_standing(mission jsonb) RETURNS text
    LANGUAGE sql
    IMMUTABLE
    SET search_path = ''
AS $$
    SELECT CASE
        WHEN mission ->> 'deleted_at' IS NOT NULL
            OR coalesce(mission ->> 'mission_status', mission ->> 'status') = 'CANCELLED' THEN 'closed'
        WHEN coalesce(mission ->> 'mission_status', mission ->> 'status') IN ('OPEN', 'NEEDS_INFO')
            AND mission ->> 'assigned_staff_id' IS NULL AND mission ->> 'claimed_at' IS NULL THEN 'open'
        ELSE 'taken'
    END
$$;

COMMENT ON FUNCTION dispatch.mission_standing(jsonb) IS 'What mission_facts.standing says of a mission''s row.';

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

-- Missions that Dispatch made before this migration.
DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY
        ARRAY[to_regclass('public.dispatch_activities'), to_regclass('public.dispatch_agent_tasks')]
    LOOP
        IF relation IS NOT NULL THEN
            EXECUTE format(
                'UPDATE dispatch.mission_facts AS facts SET standing = dispatch.mission_standing(to_jsonb(mission)) '
                'FROM %s AS mission WHERE facts.mission_id = to_jsonb(mission) ->> ''mission_id''', relation);
        END IF;
    END LOOP;
END
$$;

SELECT dispatch.revoke_foreign_access();
