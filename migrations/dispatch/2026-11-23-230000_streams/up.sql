CREATE TABLE dispatch.streams (
    stream_id   uuid PRIMARY KEY,
    owner       text NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'ended')),
    last_seq    integer NOT NULL CHECK (last_seq > 0),
    kept        boolean NOT NULL DEFAULT true,
    lease_until timestamptz NOT NULL,
    attended_at timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

COMMENT ON TABLE dispatch.streams IS
    'Answers that are told piece by piece, so that a reader who lost the line goes on at any replica.';
COMMENT ON COLUMN dispatch.streams.owner IS 'The principal who may read it.';
COMMENT ON COLUMN dispatch.streams.state IS 'What is appended to an ended stream is not: there is one end.';
COMMENT ON COLUMN dispatch.streams.last_seq IS 'The number of its last event.';
COMMENT ON COLUMN dispatch.streams.kept IS 'Whether its events are still here.';
COMMENT ON COLUMN dispatch.streams.lease_until IS
    'Until then its teller lives, as far as anybody knows; when it ended, once it has.';
COMMENT ON COLUMN dispatch.streams.attended_at IS 'When somebody last read it; a second may be missing.';

-- Telling changes no column of an index, so that it rewrites none.
CREATE INDEX streams_kept ON dispatch.streams (created_at) WHERE kept;
CREATE INDEX streams_known ON dispatch.streams (created_at) WHERE NOT kept;

CREATE TABLE dispatch.stream_events (
    stream_id uuid NOT NULL REFERENCES dispatch.streams ON DELETE CASCADE,
    seq       integer NOT NULL CHECK (seq > 0),
    name      text NOT NULL CHECK (name IN (
                  'metadata', 'delta', 'tool_call', 'tool_result', 'citations', 'classification', 'complete', 'error')),
    data      json NOT NULL,
    PRIMARY KEY (stream_id, seq)
);

COMMENT ON TABLE dispatch.stream_events IS 'The events of streams, removed ten minutes after the end.';
COMMENT ON COLUMN dispatch.stream_events.data IS
    'As it was told, letter by letter: json and not jsonb, which knows no NUL and has an order of its own.';

CREATE UNIQUE INDEX stream_events_one_end ON dispatch.stream_events (stream_id) WHERE name IN ('complete', 'error');

SELECT dispatch.revoke_foreign_access();
