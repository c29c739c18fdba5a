-- What must be the same before and after every stage, of the table {oid}: one row for each fact, in words of the old names
-- whatever the table is called. Made from PostgreSQL's own descriptions and not from what the engine reads.
WITH rel AS (SELECT * FROM pg_catalog.pg_class WHERE oid = {oid}),
facts (kind, name, fact) AS (
    SELECT 'table', '', concat_ws(' ', pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, relreplident, relpersistence,
        obj_description(oid, 'pg_class')) FROM rel
    UNION ALL SELECT 'grant', '', x::text FROM rel, aclexplode(coalesce(relacl, acldefault('r', relowner))) AS x
    UNION ALL SELECT 'column', a.attname, concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, a.attcollation, a.attacl::text, pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum))
        FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), '')
        FROM pg_constraint WHERE conrelid = {oid}
    UNION ALL SELECT 'referenced', conname, conrelid::regclass::text FROM pg_constraint WHERE confrelid = {oid}
    UNION ALL SELECT 'index', c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX .* ON ', 'INDEX ON ')
        || i.indisvalid || coalesce(obj_description(c.oid, 'pg_class'), '')
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = {oid}
    UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger
        WHERE tgrelid = {oid} AND NOT tgisinternal AND tgname <> 'dispatch_note_mission_change'
    UNION ALL SELECT 'policy', polname, concat_ws(' ', polcmd, polpermissive, polroles::regrole[]::text,
        pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid = {oid}
    UNION ALL SELECT 'publication', p.pubname, coalesce(r.prattrs::text, '') FROM pg_publication_rel AS r
        JOIN pg_publication AS p ON p.oid = r.prpubid WHERE r.prrelid = {oid}
    UNION ALL SELECT 'sequence', c.relname, concat_ws(' ', d.refobjsubid, d.deptype) FROM pg_depend AS d
        JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S' WHERE d.refobjid = {oid} AND d.classid = 'pg_class'::regclass
)
SELECT kind, CASE WHEN {named} OR kind NOT IN ('constraint', 'index', 'policy') THEN replace(replace(replace(replace(replace(name,
        'dispatch_agent_tasks', 'agent_tasks'), 'dispatch_activities', 'activities'), 'mission_id', 'task_id'), 'mission_type',
        'task_category'), 'mission_status', 'status') ELSE '' END AS name,
    replace(replace(replace(replace(replace(fact, 'dispatch_agent_tasks', 'agent_tasks'), 'dispatch_activities', 'activities'),
        'mission_id', 'task_id'), 'mission_type', 'task_category'), 'mission_status', 'status') AS fact
FROM facts ORDER BY 1, 2, 3
