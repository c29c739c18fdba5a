-- Which contract the unprefixed legacy paths speak.
CREATE TABLE dispatch.flag (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  text NOT NULL CHECK (version IN ('operations', 'dispatch')),
    percent  smallint NOT NULL DEFAULT 100 CHECK (percent BETWEEN 1 AND 100),
    shadow   boolean NOT NULL DEFAULT false,
    mark     text NOT NULL
);

COMMENT ON TABLE dispatch.flag IS 'The flag api_version, where PostgreSQL keeps it: one row, or none while nobody has set it.';
COMMENT ON COLUMN dispatch.flag.percent IS 'The share of authors that version answers; the others get the other one.';
COMMENT ON COLUMN dispatch.flag.shadow IS 'Whether the new contract runs beside the old one, without effects.';
COMMENT ON COLUMN dispatch.flag.mark IS 'Which change made it so; compared, never parsed.';

CREATE TABLE dispatch.flag_changes (
    mark       text PRIMARY KEY,
    version    text NOT NULL CHECK (version IN ('operations', 'dispatch')),
    percent    smallint NOT NULL CHECK (percent BETWEEN 1 AND 100),
    shadow     boolean NOT NULL,
    changed_by text NOT NULL,
    reason     text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE dispatch.flag_changes IS 'Who changed the flag, when and why, wherever the flag itself is kept.';

CREATE INDEX flag_changes_newest ON dispatch.flag_changes (changed_at DESC);

CREATE TABLE dispatch.replicas (
    replica text PRIMARY KEY,
    mark    text NOT NULL,
    since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE dispatch.replicas IS 'Processes that serve HTTP, and the flag that each serves by.';
COMMENT ON COLUMN dispatch.replicas.since IS 'Since when it serves by the flag with this mark.';

CREATE TABLE dispatch.legacy_traffic (
    minute   timestamptz NOT NULL,
    route    text COLLATE "C" NOT NULL,
    contract text COLLATE "C" NOT NULL CHECK (contract IN ('operations', 'dispatch')),
    mark     text COLLATE "C" NOT NULL,
    answered bigint NOT NULL,
    failed   bigint NOT NULL,
    slow     bigint NOT NULL,
    PRIMARY KEY (minute, route, contract, mark)
);

COMMENT ON TABLE dispatch.legacy_traffic IS 'How legacy paths were answered, added up by the minute over all replicas; kept for a week.';
COMMENT ON COLUMN dispatch.legacy_traffic.mark IS 'The flag that they were answered by: what a guard compares.';
COMMENT ON COLUMN dispatch.legacy_traffic.failed IS 'With a status of 5xx.';
COMMENT ON COLUMN dispatch.legacy_traffic.slow IS 'After more than a second.';

CREATE TABLE dispatch.flag_guards (
    mark          text PRIMARY KEY,
    back_version  text NOT NULL CHECK (back_version IN ('operations', 'dispatch')),
    back_percent  smallint NOT NULL CHECK (back_percent BETWEEN 1 AND 100),
    back_shadow   boolean NOT NULL,
    armed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    until         timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'armed' CHECK (state IN ('armed', 'passed', 'flipped_back', 'overtaken')),
    reason        text,
    claimed_until timestamptz
);

COMMENT ON TABLE dispatch.flag_guards IS 'Flips that are watched: what to go back to, until when, and what came of it.';
COMMENT ON COLUMN dispatch.flag_guards.mark IS 'The change that is watched.';
COMMENT ON COLUMN dispatch.flag_guards.claimed_until IS 'Until then one replica is about to judge; one at a time.';

CREATE INDEX flag_guards_armed ON dispatch.flag_guards (armed_at) WHERE state = 'armed';

CREATE TABLE dispatch.shadow_differences (
    difference_id uuid PRIMARY KEY,
    route         text NOT NULL,
    trace_id      text NOT NULL,
    fields        text[] NOT NULL CHECK (cardinality(fields) > 0),
    seen_at       timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.shadow_differences IS 'Where the new contract would have answered otherwise than the old one did; kept for a week.';
COMMENT ON COLUMN dispatch.shadow_differences.fields IS 'What differs, by name; never what it says.';

CREATE INDEX shadow_differences_newest ON dispatch.shadow_differences (seen_at DESC);

SELECT dispatch.revoke_foreign_access();
