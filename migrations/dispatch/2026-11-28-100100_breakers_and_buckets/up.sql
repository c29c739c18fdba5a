CREATE TABLE dispatch.breakers (
    lane       text COLLATE "C" PRIMARY KEY,
    state      text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    failures   integer NOT NULL DEFAULT 0,
    openings   integer NOT NULL DEFAULT 0,
    asks_at    timestamptz NOT NULL DEFAULT now(),
    probe      uuid,
    changed_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.breakers IS 'Circuit breakers before destinations, shared by all replicas. None: nothing failed yet.';
COMMENT ON COLUMN dispatch.breakers.failures IS 'Faults since it was last seen alive.';
COMMENT ON COLUMN dispatch.breakers.openings IS 'How many times it opened since it was last closed: it stays open longer each time.';
COMMENT ON COLUMN dispatch.breakers.asks_at IS
    'Unless it is closed: when one delivery may pass. While one does, when it is given up.';
COMMENT ON COLUMN dispatch.breakers.probe IS 'The delivery that it let through, and that decides.';
COMMENT ON COLUMN dispatch.breakers.changed_at IS 'When it last opened or closed.';

CREATE TABLE dispatch.buckets (
    lane     text COLLATE "C" NOT NULL,
    channel  text COLLATE "C" NOT NULL,
    full_at  timestamptz NOT NULL DEFAULT now(),
    ready_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, channel)
);

COMMENT ON TABLE dispatch.buckets IS 'Token buckets of lanes that have a rate or were asked to pause, shared by all replicas.';
COMMENT ON COLUMN dispatch.buckets.full_at IS 'When all that may go at once may go again.';
COMMENT ON COLUMN dispatch.buckets.ready_at IS 'When the next one may go, by the lane''s rate and by what it asked for.';

-- Claims go from lane to lane now.
DROP INDEX dispatch.deliveries_due;

SELECT dispatch.revoke_foreign_access();
