-- What only the database can tell about one table, as one JSON object. {oid}, {names}, {schema} and {path} are filled in.
SELECT json_build_object(
    'owner', (SELECT pg_has_role(current_user, c.relowner, 'USAGE') FROM pg_catalog.pg_class AS c WHERE c.oid = {oid}),
    'grantors', (
        SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(a.grantor)), '[]')
        FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE c.oid = {oid} AND a.grantor <> c.relowner),
    'vacuum', (
        SELECT CASE WHEN a.query LIKE '%to prevent wraparound%' THEN 'wraparound'
                    WHEN a.query IS NULL OR a.query = '<insufficient privilege>' THEN 'hidden' END
        FROM pg_catalog.pg_locks AS l
        JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid AND a.backend_type = 'autovacuum worker'
        WHERE l.relation = {oid} AND l.locktype = 'relation' AND l.granted
            AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        ORDER BY 1 LIMIT 1),
    'shadows', (
        SELECT coalesce(json_agg(n.nspname || '.' || c.relname), '[]')
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relname IN ({names}) AND n.nspname <> {schema} AND n.nspname <> 'pg_catalog'
            AND array_position({path}, n.nspname::text)
                < coalesce(array_position({path}, ({schema})::text), 1000)),
    'checks', (
        SELECT coalesce(json_agg(json_build_object(
            'name', k.conname, 'column', a.attname, 'expression', pg_get_expr(k.conbin, k.conrelid),
            'default', pg_get_expr(d.adbin, d.adrelid), 'kind', format_type(a.atttypid, a.atttypmod))), '[]')
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE k.conrelid = {oid} AND k.contype = 'c' AND array_length(k.conkey, 1) = 1 AND a.attgenerated = ''
            AND pg_get_expr(d.adbin, d.adrelid) NOT LIKE '%nextval%'),
    'foreign_slots', (
        SELECT coalesce(json_agg(s.slot_name), '[]') FROM pg_catalog.pg_replication_slots AS s
        WHERE s.slot_type = 'logical' AND s.database = current_database() AND s.slot_name NOT LIKE '%realtime%'),
    'published', (
        EXISTS (SELECT FROM pg_catalog.pg_publication_tables AS p
            WHERE p.schemaname = {schema} AND p.tablename = (SELECT relname FROM pg_catalog.pg_class WHERE oid = {oid})
                AND p.pubname NOT LIKE 'supabase_realtime%')),
    'wider', (
        SELECT coalesce(json_agg(DISTINCT pg_get_userbyid(a.grantee)), '[]')
        FROM pg_catalog.pg_default_acl AS d
        CROSS JOIN LATERAL aclexplode(d.defaclacl) AS a
        CROSS JOIN pg_catalog.pg_class AS c
        WHERE c.oid = {oid} AND d.defaclobjtype = 'r' AND a.grantee <> 0 AND a.grantee <> c.relowner
            AND (d.defaclnamespace = 0 OR d.defaclnamespace = c.relnamespace)
            AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) AS x
                WHERE x.grantee IN (a.grantee, 0) AND x.privilege_type = a.privilege_type))
)::text
