CREATE TABLE dispatch.agent_minutes (
    agent         text COLLATE "C" NOT NULL,
    minute        timestamptz NOT NULL,
    outcome       text COLLATE "C" NOT NULL,
    calls         bigint NOT NULL CHECK (calls > 0),
    busy_us       bigint NOT NULL,
    input_tokens  bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cost_micros   bigint,
    last_used_at  timestamptz NOT NULL,
    PRIMARY KEY (agent, minute, outcome)
);

COMMENT ON TABLE dispatch.agent_minutes IS 'What each agent did, added up by the minute over all replicas.';
COMMENT ON COLUMN dispatch.agent_minutes.outcome IS 'ok, or the code of the failure.';
COMMENT ON COLUMN dispatch.agent_minutes.busy_us IS 'How long all calls took together, in microseconds.';
COMMENT ON COLUMN dispatch.agent_minutes.cost_micros IS
    'Millionths of a US dollar, of the calls whose price is configured.';

SELECT dispatch.revoke_foreign_access();
