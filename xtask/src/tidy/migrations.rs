//! Migrations that the release before could not live with: while replicas are restarted one by one, both work on the migrated
//! database. Looks at statements of `up.sql` by their words; must not know what a table is for.

use super::Finding;
use super::project::{File, Project};

/// Above a statement: it is meant, and why.
const MEANT: &str = "-- not compatible:";

pub fn check(project: &Project) -> Vec<Finding> {
    let ups =
        project.files.iter().filter(|file| file.path.starts_with("migrations/") && file.path.ends_with("/up.sql"));
    ups.flat_map(findings).collect()
}

fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, statement, is_meant) in statements(&file.text) {
        if let Some(what) = breaks(&statement).filter(|_| !is_meant) {
            found.push(Finding::new(format!("{}:{line}", file.path), what));
        }
    }
    found
}

/// Each statement without its comments, in one line and in capitals: where it begins, and whether it is said to be meant. What
/// stands between dollars is a function's body and no statement of the migration.
fn statements(sql: &str) -> Vec<(usize, String, bool)> {
    let mut found = Vec::new();
    let (mut statement, mut begun, mut is_meant, mut in_body) = (String::new(), 0, false, false);
    for (number, line) in sql.lines().enumerate() {
        is_meant |= line.trim_start().starts_with(MEANT);
        let code = line.split("--").next().unwrap_or_default().trim();
        let quotes = code.matches("$$").count();
        let outside = if in_body || quotes > 0 { "" } else { code };
        if statement.is_empty() && !code.is_empty() {
            begun = number + 1;
        }
        if !outside.is_empty() {
            statement.push_str(&outside.to_uppercase());
            statement.push(' ');
        }
        in_body ^= quotes % 2 == 1;
        if !in_body && code.ends_with(';') {
            found.push((begun, std::mem::take(&mut statement), std::mem::take(&mut is_meant)));
        }
    }
    found
}

fn breaks(statement: &str) -> Option<&'static str> {
    let words: Vec<&str> = statement.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
    let follow = |wanted: &[&str]| words.windows(wanted.len()).any(|words| words == wanted);
    let alters = words.first() == Some(&"ALTER") && words.get(1) == Some(&"TABLE");
    if follow(&["DROP", "TABLE"]) || follow(&["DROP", "VIEW"]) || follow(&["DROP", "FUNCTION"]) {
        return Some("drops what the release before may use");
    }
    if !alters {
        return None;
    }
    if follow(&["DROP", "COLUMN"]) || words.contains(&"RENAME") {
        return Some("takes away a name that the release before reads");
    }
    if follow(&["SET", "NOT", "NULL"]) {
        return Some("refuses rows that the release before writes");
    }
    if words.windows(4).any(|four| four[0] == "ALTER" && four[1] == "COLUMN" && four[3] == "TYPE") {
        return Some("changes a type under the release before");
    }
    let columns = statement.split("ADD COLUMN").skip(1);
    let owed = columns.filter(|column| column.contains("NOT NULL") && !column.contains("DEFAULT"));
    if owed.into_iter().any(|column| !column.contains("GENERATED")) {
        return Some("demands a value that the release before does not write");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Vec<String> {
        let project = Project::default().with_file("migrations/dispatch/2026_x/up.sql", sql);
        check(&project).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn what_the_release_before_cannot_live_with_is_found_at_its_line() {
        for broken in [
            "DROP TABLE dispatch.a;",
            "ALTER TABLE dispatch.a DROP COLUMN b;",
            "ALTER TABLE dispatch.a\n    RENAME COLUMN b TO c;",
            "alter table dispatch.a rename to b;",
            "ALTER TABLE dispatch.a ALTER COLUMN b SET NOT NULL;",
            "ALTER TABLE dispatch.a ALTER COLUMN b TYPE bigint;",
            "ALTER TABLE dispatch.a ADD COLUMN b text NOT NULL DEFAULT '', ADD COLUMN c text NOT NULL;",
        ] {
            let sql = format!("-- A comment; with a semicolon.\nCREATE TABLE dispatch.z (a text);\n{broken}\n");
            assert_eq!(found(&sql), ["migrations/dispatch/2026_x/up.sql:3"], "{broken}");
            assert!(found(&format!("-- not compatible: nobody used it yet\n{broken}")).is_empty(), "{broken}");
        }
    }

    #[test]
    fn what_only_adds_or_allows_more_is_not() {
        for sound in [
            "ALTER TABLE dispatch.a ADD COLUMN b text, ADD COLUMN c int NOT NULL DEFAULT 0;",
            "ALTER TABLE dispatch.a DROP CONSTRAINT a_check;",
            "ALTER TABLE dispatch.a ALTER COLUMN b DROP NOT NULL;",
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n  DROP TABLE x;\nEND\n$$;",
        ] {
            assert!(found(sound).is_empty(), "{sound}");
        }
    }
}
