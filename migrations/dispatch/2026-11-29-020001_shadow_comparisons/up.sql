-- How many requests the shadow has compared: no difference among none says nothing.
CREATE TABLE dispatch.shadow_comparisons (
    minute   timestamptz NOT NULL,
    route    text COLLATE "C" NOT NULL,
    compared bigint NOT NULL,
    differed bigint NOT NULL,
    PRIMARY KEY (minute, route)
);

COMMENT ON TABLE dispatch.shadow_comparisons IS
    'How many requests were answered by the old contract and compared with the new one, by the minute; kept for a week.';
COMMENT ON COLUMN dispatch.shadow_comparisons.differed IS 'How many of them the new one would have answered otherwise.';

SELECT dispatch.revoke_foreign_access();
