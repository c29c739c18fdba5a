//! SQL that names a table of the system being replaced. Only `src/` counts, without its `testing` part: tests build such
//! databases. Must not know SQL beyond "keyword, then table".

use super::Finding;
use super::lexer::{Kind, pieces};
use super::project::{File, Project};
use super::table::{OLD_TABLES, OLD_TABLES_OWNER};

pub fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.files.iter().filter(|file| in_scope(&file.path)) {
        for (line, table) in tables(file) {
            findings.push(Finding::new(format!("{}:{line}", file.path), format!("SQL on the old table `{table}`")));
        }
    }
    findings
}

fn in_scope(path: &str) -> bool {
    let testing = path.contains("/testing/") || path.ends_with("/testing.rs");
    path.starts_with("crates/") && path.contains("/src/") && !path.starts_with(OLD_TABLES_OWNER) && !testing
}

fn tables(file: &File) -> Vec<(usize, &'static str)> {
    if file.path.ends_with(".sql") {
        return old_tables(&file.text, 1);
    }
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let literals = pieces(&file.text).into_iter().filter(|piece| piece.kind == Kind::Text);
    literals.flat_map(|literal| old_tables(literal.text, literal.line)).collect()
}

/// Every old table that stands where SQL expects a table, with its line.
fn old_tables(sql: &str, first_line: usize) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut expects_table = false;
    for (number, line) in sql.lines().enumerate() {
        // A literal shows its escapes: `\n` between words, `\` at the end of a line.
        let line = line.replace("\\n", " ");
        for word in line.trim_end_matches('\\').split_whitespace() {
            if expects_table && word.eq_ignore_ascii_case("only") {
                continue;
            }
            let table = OLD_TABLES.iter().find(|table| expects_table && table_name(word) == **table);
            found.extend(table.map(|table| (first_line + number, *table)));
            let keyword = word.trim_start_matches('(').to_ascii_lowercase();
            expects_table = matches!(keyword.as_str(), "from" | "join" | "into" | "update");
        }
    }
    found
}

/// `"public"."activities",` is `activities`; `activities_view` stays what it is.
fn table_name(word: &str) -> String {
    let name: String = word.replace("\\\"", "\"").chars().filter(|c| *c != '"').collect();
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("public.").unwrap_or(&name);
    name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Project::default().with_file(path, text)).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn old_names_in_sql_are_found() {
        for sql in [
            "SELECT 1 FROM activities",
            "select * from public.activities a",
            "UPDATE agent_tasks SET x = 1",
            "INSERT INTO \\\"activities\\\"(id)",
            "SELECT 1 FROM ONLY activities;",
            "SELECT 1 FROM x JOIN agent_tasks ON true",
            "SELECT 1\\nFROM activities",
            "WITH y AS (SELECT 1) SELECT 2 FROM \\\n  activities",
        ] {
            let found = findings("crates/adapters/postgres/src/a.rs", &format!("//! x\nconst Q: &str = \"{sql}\";"));
            assert_eq!(found.len(), 1, "{sql}");
        }
        assert_eq!(findings("crates/server/src/q.sql", "SELECT 1\nFROM activities"), ["crates/server/src/q.sql:2"]);
    }

    #[test]
    fn new_names_comments_tests_and_cutover_are_free() {
        for sql in
            ["SELECT 1 FROM dispatch_activities", "FROM activities_view", "UPDATE x SET activities = 1", "/activities"]
        {
            assert!(findings("crates/server/src/a.rs", &format!("const Q: &str = \"{sql}\";")).is_empty(), "{sql}");
        }
        assert!(findings("crates/server/src/a.rs", "// FROM activities").is_empty());
        let literal = "const Q: &str = \"FROM activities\";";
        for path in [
            "crates/cutover/src/expand.rs",
            "crates/server/tests/legacy.rs",
            "crates/adapters/postgres/src/testing/legacy.rs",
            "xtask/src/a.rs",
        ] {
            assert!(findings(path, literal).is_empty(), "{path}");
        }
    }
}
