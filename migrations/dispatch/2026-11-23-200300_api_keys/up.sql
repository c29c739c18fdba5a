CREATE TABLE dispatch.api_keys (
    key_id       uuid PRIMARY KEY,
    prefix       text NOT NULL UNIQUE,
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32),
    name         text NOT NULL CHECK (name <> ''),
    scopes       text[] NOT NULL CHECK (
                     cardinality(scopes) > 0
                     AND scopes <@ ARRAY['intake', 'reason', 'route', 'observe', 'missions', 'admin']
                 ),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

COMMENT ON TABLE dispatch.api_keys IS
    'Keys for programs. Rows stay when a key is revoked or expires: who had access when is worth knowing.';
COMMENT ON COLUMN dispatch.api_keys.prefix IS 'The public part of the key, by which it is found.';
COMMENT ON COLUMN dispatch.api_keys.digest IS 'SHA-256 of the whole key; the key itself is kept nowhere.';
COMMENT ON COLUMN dispatch.api_keys.scopes IS 'What it is good for; admin implies all.';
COMMENT ON COLUMN dispatch.api_keys.created_by IS 'The account on the machine where it was made.';
COMMENT ON COLUMN dispatch.api_keys.last_used_at IS 'About when it was last used; written at most once a minute.';

SELECT dispatch.revoke_foreign_access();
