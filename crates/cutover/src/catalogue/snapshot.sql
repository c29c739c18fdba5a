-- Everything the engine goes by, of the relations that the rename names, as one JSON object. `{names}`, `{schema}` and
-- `{tables}` are filled in. Read with an empty search_path, so that every name comes out with its schema.
WITH wanted (schema_name, relation_name) AS (VALUES {names}),
rel AS (
    SELECT c.*, n.nspname
    FROM wanted AS w
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema_name
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.relation_name
)
SELECT jsonb_build_object(
    'server', jsonb_build_object(
        'version', current_setting('server_version_num')::int,
        'default_grantees', coalesce((
            SELECT jsonb_agg(DISTINCT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END)
            FROM pg_catalog.pg_default_acl AS d
            CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
            WHERE d.defaclobjtype = 'r'), '[]'),
        'schema_names', coalesce((
            SELECT jsonb_agg(c.relname)
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = {schema} AND c.relkind NOT IN ('t')), '[]')
    ),
    'relations', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'oid', r.oid::bigint,
        'schema', r.nspname,
        'name', r.relname,
        'kind', r.relkind::text,
        'persistence', r.relpersistence::text,
        'owner', pg_get_userbyid(r.relowner),
        'partition', r.relispartition,
        'inherits', EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = r.oid OR inhparent = r.oid),
        'typed', r.reloftype <> 0,
        'row_security', r.relrowsecurity,
        'force_row_security', r.relforcerowsecurity,
        'replica_identity', r.relreplident::text,
        'options', coalesce(to_jsonb(r.reloptions), '[]'),
        'comment', obj_description(r.oid, 'pg_class'),
        'definition', CASE WHEN r.relkind = 'v' THEN pg_get_viewdef(r.oid) END,
        'grants', (
            SELECT coalesce(jsonb_agg(g ORDER BY g), '[]')
            FROM (SELECT jsonb_build_object(
                    'to', CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END,
                    'privilege', a.privilege_type,
                    'grantable', a.is_grantable) AS g
                FROM aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) AS a) AS granted),
        'columns', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'number', a.attnum,
                'name', a.attname,
                'type', format_type(a.atttypid, a.atttypmod),
                'comment', col_description(r.oid, a.attnum),
                'default', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef AS d
                    WHERE d.adrelid = r.oid AND d.adnum = a.attnum),
                'facts', jsonb_build_object(
                    'not_null', a.attnotnull, 'identity', a.attidentity::text, 'generated', a.attgenerated::text,
                    'collation', a.attcollation::bigint, 'storage', a.attstorage::text,
                    'default', (SELECT d.adbin::text FROM pg_catalog.pg_attrdef AS d
                        WHERE d.adrelid = r.oid AND d.adnum = a.attnum)),
                'grants', (
                    SELECT coalesce(jsonb_agg(g ORDER BY g), '[]')
                    FROM (SELECT jsonb_build_object(
                            'to', CASE WHEN x.grantee = 0 THEN NULL ELSE pg_get_userbyid(x.grantee) END,
                            'privilege', x.privilege_type,
                            'grantable', x.is_grantable) AS g
                        FROM aclexplode(a.attacl) AS x) AS granted)
                ) ORDER BY a.attnum), '[]')
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
        'key', (
            SELECT coalesce((
                SELECT to_jsonb(i.indkey::int2[])
                FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = r.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = r.oid AND a.attnum = ANY (i.indkey::int2[]) AND NOT a.attnotnull)
                    AND i.indnkeyatts = i.indnatts
                ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid LIMIT 1), '[]')),
        'constraints', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', c.conname,
                'kind', c.contype::text,
                'columns', coalesce(to_jsonb(c.conkey), '[]'),
                'definition', pg_get_constraintdef(c.oid),
                'valid', c.convalidated,
                'facts', (to_jsonb(c) - 'conname') || jsonb_build_object('comment', obj_description(c.oid, 'pg_constraint'))
                ) ORDER BY c.oid), '[]')
            FROM pg_catalog.pg_constraint AS c WHERE c.conrelid = r.oid),
        'indexes', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', x.relname,
                'columns', to_jsonb(i.indkey::int2[]),
                'of_constraint', EXISTS (SELECT FROM pg_catalog.pg_constraint AS c
                    WHERE c.conindid = i.indexrelid AND c.conrelid = r.oid AND c.contype IN ('p', 'u', 'x')),
                'facts', (to_jsonb(i) - 'indcheckxmin' - 'indkey') || jsonb_build_object(
                    'method', x.relam::bigint, 'options', to_jsonb(x.reloptions), 'key', i.indkey::text,
                    'comment', obj_description(x.oid, 'pg_class'))
                ) ORDER BY x.oid), '[]')
            FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
            WHERE i.indrelid = r.oid),
        'policies', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.polname, 'facts', to_jsonb(p) - 'polname') ORDER BY p.oid), '[]')
            FROM pg_catalog.pg_policy AS p WHERE p.polrelid = r.oid),
        'triggers', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', t.tgname,
                'function', jsonb_build_object('oid', f.oid::bigint, 'schema', fn.nspname, 'name', f.proname),
                'on_update', (t.tgtype::int & 16) <> 0,
                'facts', to_jsonb(t) - 'tgname') ORDER BY t.oid), '[]')
            FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
            JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
            WHERE t.tgrelid = r.oid AND NOT t.tgisinternal),
        'rules', (
            SELECT coalesce(jsonb_agg(w.rulename ORDER BY w.rulename), '[]')
            FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = r.oid AND w.rulename <> '_RETURN'),
        'publications', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.pubname, 'facts', to_jsonb(m) - 'oid') ORDER BY p.pubname), '[]')
            FROM pg_catalog.pg_publication_rel AS m JOIN pg_catalog.pg_publication AS p ON p.oid = m.prpubid
            WHERE m.prrelid = r.oid),
        'sequences', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('name', s.relname, 'column', d.refobjsubid) ORDER BY s.relname), '[]')
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                AND d.refobjid = r.oid AND d.deptype IN ('a', 'i')),
        'dependants', (
            SELECT coalesce(jsonb_agg(DISTINCT v.oid::regclass::text), '[]')
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
            JOIN pg_catalog.pg_class AS v ON v.oid = w.ev_class
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
                AND d.refobjid = r.oid AND v.oid <> r.oid)
    ) ORDER BY r.oid) FROM rel AS r), '[]')
)::text
