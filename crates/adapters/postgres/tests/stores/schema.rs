//! The migrations themselves: the way there and back, indexes under foreign keys, comments.

use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::testing::TestDatabase;

use crate::support::text;

/// Everything that makes a schema, as text: what `pg_dump --schema-only` would say, from the catalog.
async fn shape(database: &TestDatabase) -> Vec<String> {
    let rows = database
        .json(
            "SELECT format('%s.%s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
                 a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS line
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
             WHERE c.relnamespace::regnamespace::text IN ('public', 'dispatch', 'auth') AND c.relkind IN ('r', 'v')
             UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class t ON t.oid = indrelid
                 WHERE indrelid >= 16384 AND t.relkind = 'r'
             UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid >= 16384
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL SELECT pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc WHERE oid >= 16384
             UNION ALL SELECT format('%s %s %s %s', tablename, policyname, roles, qual) FROM pg_policies
             UNION ALL SELECT format('%s %s %s', oid::regclass, relacl, relrowsecurity) FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND oid >= 16384
             UNION ALL SELECT format('%s %s', nspname, nspacl) FROM pg_namespace WHERE nspname IN ('public', 'dispatch', 'auth')
             UNION ALL SELECT format('%s %s %s', objoid::regclass, objsubid, description) FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
             ORDER BY 1",
        )
        .await;
    rows.iter().map(|row| text(row, "line").to_owned()).collect()
}

#[tokio::test]
async fn up_down_up_leaves_the_same() {
    let database = TestDatabase::empty().await;
    let nothing = shape(&database).await;
    migrate::run(database.url(), Which::All).await.unwrap();
    let first = shape(&database).await;
    assert!(first.len() > nothing.len() + 100);
    migrate::revert_all(database.url()).await.unwrap();
    assert_eq!(difference(&owned(&shape(&database).await), &owned(&nothing)), [""; 0], "down leaves nothing behind");
    migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!(difference(&shape(&database).await, &first), [""; 0], "up again is as it was");
}

/// The lines of only one of them.
fn difference<'a>(one: &'a [String], other: &'a [String]) -> Vec<&'a str> {
    let only = |a: &'a [String], b: &'a [String]| {
        a.iter().filter(|line| !b.contains(line)).map(String::as_str).collect::<Vec<_>>()
    };
    [only(one, other), only(other, one)].concat()
}

/// Without the schema's own privileges: a REVOKE of what was never granted writes them out.
fn owned(shape: &[String]) -> Vec<String> {
    shape.iter().filter(|line| !line.starts_with("public {") && *line != "public ").cloned().collect()
}

#[tokio::test]
async fn down_leaves_what_others_made() {
    let database = TestDatabase::legacy(
        "CREATE SCHEMA dispatch; CREATE TABLE dispatch.theirs (id int); CREATE SCHEMA auth;
         CREATE TABLE public.activities (task_id text PRIMARY KEY)",
    )
    .await;
    let before = shape(&database).await;
    migrate::run(database.url(), Which::All).await.unwrap();
    migrate::revert_all(database.url()).await.unwrap();
    let after: Vec<_> = shape(&database).await;
    let lines = |shape: &[String]| {
        shape.iter().filter(|line| line.contains("theirs") || line.contains("activities")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(lines(&after).len(), lines(&before).len());
    assert_eq!(database.json("SELECT 1 FROM pg_namespace WHERE nspname IN ('dispatch', 'auth')").await.len(), 2);
}

#[tokio::test]
async fn every_foreign_key_has_an_index_and_none_leads_into_public() {
    let database = TestDatabase::new().await;
    let bare = database
        .json(
            "SELECT conrelid::regclass::text AS t, conname FROM pg_constraint AS fk
             WHERE contype = 'f' AND NOT EXISTS (
                 SELECT FROM pg_index WHERE indrelid = fk.conrelid
                     AND (indkey::int2[])[0:cardinality(fk.conkey) - 1] @> fk.conkey
                     AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) LIKE '%IS NOT NULL%'
                          OR pg_get_expr(indpred, indrelid) = '(deleted_at IS NULL)'))",
        )
        .await;
    assert!(bare.is_empty(), "{bare:?}");
    let crossing = database
        .json(
            "SELECT conname FROM pg_constraint WHERE contype = 'f'
                 AND connamespace = 'dispatch'::regnamespace
                 AND (SELECT relnamespace FROM pg_class WHERE oid = confrelid) <> 'dispatch'::regnamespace",
        )
        .await;
    assert!(crossing.is_empty(), "{crossing:?}");
}

#[tokio::test]
async fn every_table_says_what_it_is_for() {
    let database = TestDatabase::new().await;
    let silent = database
        .json(
            "SELECT oid::regclass::text AS t FROM pg_class
             WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('dispatch', 'public')
                 AND relname <> 'schema_migrations' AND obj_description(oid, 'pg_class') IS NULL",
        )
        .await;
    assert!(silent.is_empty(), "{silent:?}");
}

/// Of two with one number only the first would ever run.
#[test]
fn every_migration_has_a_number_of_its_own() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations/dispatch");
    let mut seen = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let number = name.split_once('_').map(|(number, _)| number.to_owned());
        let before = number.and_then(|number| seen.insert(number, name.clone()));
        assert!(before.is_none(), "{name} and {before:?}");
    }
    assert!(seen.len() > 20);
}
