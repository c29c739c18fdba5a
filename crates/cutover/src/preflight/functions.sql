-- Functions that know one table's rows, as one JSON object. {oid} and {name} (in lower case) are filled in.
SELECT json_build_object(
    'triggers', (
        SELECT coalesce(json_agg(json_build_object(
            'trigger', t.tgname, 'function', n.nspname || '.' || f.proname, 'source', f.prosrc)), '[]')
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
        WHERE t.tgrelid = {oid} AND NOT t.tgisinternal AND n.nspname <> 'dispatch'),
    'row_types', (
        SELECT coalesce(json_agg(json_build_object(
            'function', n.nspname || '.' || f.proname,
            'returns', f.prorettype IN (c.reltype, y.typarray)
                OR (f.proallargtypes IS NOT NULL AND c.reltype = ANY (f.proallargtypes) AND NOT c.reltype = ANY (f.proargtypes::oid[])),
            'source', f.prosrc)), '[]')
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_type AS y ON y.oid = c.reltype
        JOIN pg_catalog.pg_proc AS f ON f.prorettype IN (c.reltype, y.typarray)
            OR c.reltype = ANY (f.proargtypes::oid[]) OR c.reltype = ANY (coalesce(f.proallargtypes, '{}'))
        JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
        WHERE c.oid = {oid} AND c.reltype <> 0),
    'columns', (
        SELECT coalesce(json_agg(n.nspname || '.' || o.relname || '.' || a.attname), '[]')
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_type AS y ON y.oid = c.reltype
        JOIN pg_catalog.pg_attribute AS a ON a.atttypid IN (c.reltype, y.typarray) AND NOT a.attisdropped
        JOIN pg_catalog.pg_class AS o ON o.oid = a.attrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = o.relnamespace
        WHERE c.oid = {oid} AND c.reltype <> 0),
    'mentions', (
        SELECT coalesce(json_agg(json_build_object('function', n.nspname || '.' || f.proname, 'source', f.prosrc)), '[]')
        FROM pg_catalog.pg_proc AS f
        JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'dispatch')
            AND strpos(lower(f.prosrc), {name}) > 0 AND f.prolang NOT IN (
                SELECT oid FROM pg_catalog.pg_language WHERE lanname IN ('c', 'internal')))
)::text
