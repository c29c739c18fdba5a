//! The changes that the engine can make, each as data and as SQL. It must not know when they are made.

use crate::catalogue::Grant;
use crate::quote::{ident, idents, literal, qualified};
use serde::Serialize;

/// One change of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    DropView { schema: String, name: String },
    CreateView(Box<View>),
    RenameColumn { schema: String, table: String, from: String, to: String },
    RenameTable { schema: String, from: String, to: String },
    RenameConstraint { schema: String, table: String, from: String, to: String },
    RenameIndex { schema: String, from: String, to: String },
    RenamePolicy { schema: String, table: String, from: String, to: String },
    AddColumn { schema: String, table: String, name: String, kind: String },
    Hook { sql: String },
}

/// A view of the engine: one table's rows, under other names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct View {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) base: String,
    /// The table's columns and what the view calls them, in the table's order.
    pub(crate) columns: Vec<(String, String)>,
    /// Rows are seen with the rights of whoever asks (PostgreSQL 15 or newer).
    pub(crate) invoker: bool,
    /// The table's own: said always, so that the plan is the same whoever runs the engine.
    pub(crate) owner: String,
    /// Who may have been granted something by default; `None` is PUBLIC.
    pub(crate) revoke_from: Vec<Option<String>>,
    pub(crate) grants: Vec<Grant>,
    /// By the view's column names.
    pub(crate) column_grants: Vec<(String, Grant)>,
    pub(crate) comment: String,
}

impl Op {
    /// The statements, each without its semicolon.
    pub(crate) fn statements(&self) -> Vec<String> {
        match self {
            Self::DropView { schema, name } => vec![format!("DROP VIEW {}", qualified(schema, name))],
            Self::CreateView(view) => view.statements(),
            Self::RenameColumn { schema, table, from, to } => {
                vec![format!("ALTER TABLE {} RENAME COLUMN {} TO {}", qualified(schema, table), ident(from), ident(to))]
            }
            Self::RenameTable { schema, from, to } => {
                vec![format!("ALTER TABLE {} RENAME TO {}", qualified(schema, from), ident(to))]
            }
            Self::RenameConstraint { schema, table, from, to } => vec![format!(
                "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
                qualified(schema, table),
                ident(from),
                ident(to)
            )],
            Self::RenameIndex { schema, from, to } => {
                vec![format!("ALTER INDEX {} RENAME TO {}", qualified(schema, from), ident(to))]
            }
            Self::RenamePolicy { schema, table, from, to } => {
                vec![format!("ALTER POLICY {} ON {} RENAME TO {}", ident(from), qualified(schema, table), ident(to))]
            }
            Self::AddColumn { schema, table, name, kind } => {
                vec![format!("ALTER TABLE {} ADD COLUMN {} {kind}", qualified(schema, table), ident(name))]
            }
            Self::Hook { sql } => vec![sql.trim().trim_end_matches(';').to_owned()],
        }
    }
}

impl View {
    /// What the view calls this column of the table.
    pub(crate) fn alias<'a>(&'a self, column: &'a str) -> &'a str {
        self.columns.iter().find(|(from, _)| from == column).map_or(column, |(_, to)| to)
    }

    fn statements(&self) -> Vec<String> {
        let view = qualified(&self.schema, &self.name);
        let columns: Vec<String> = self.columns.iter().map(|(from, to)| column(from, to)).collect();
        let options = if self.invoker { " WITH (security_invoker = true)" } else { "" };
        let base = qualified(&self.schema, &self.base);
        let mut made = vec![format!("CREATE VIEW {view}{options} AS SELECT {} FROM {base}", columns.join(", "))];
        made.push(format!("ALTER VIEW {view} OWNER TO {}", ident(&self.owner)));
        let revoked: Vec<String> = self.revoke_from.iter().map(|role| grantee(role.as_deref())).collect();
        made.push(format!("REVOKE ALL ON TABLE {view} FROM {}", revoked.join(", ")));
        made.extend(grants(&view, &self.grants));
        made.extend(column_grants(&view, &self.column_grants));
        made.push(format!("COMMENT ON VIEW {view} IS {}", literal(&self.comment)));
        made
    }
}

fn column(from: &str, to: &str) -> String {
    if from == to { ident(from) } else { format!("{} AS {}", ident(from), ident(to)) }
}

fn grantee(role: Option<&str>) -> String {
    role.map_or_else(|| "PUBLIC".to_owned(), ident)
}

/// One statement for each role and kind of grant.
fn grants(view: &str, all: &[Grant]) -> Vec<String> {
    let mut groups: Vec<(&Option<String>, bool, Vec<&str>)> = Vec::new();
    for grant in all {
        match groups.iter_mut().find(|(to, grantable, _)| **to == grant.to && *grantable == grant.grantable) {
            Some((_, _, privileges)) => privileges.push(&grant.privilege),
            None => groups.push((&grant.to, grant.grantable, vec![&grant.privilege])),
        }
    }
    let statement = |(to, grantable, privileges): (&Option<String>, bool, Vec<&str>)| {
        let option = if grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON TABLE {view} TO {}{option}", privileges.join(", "), grantee(to.as_deref()))
    };
    groups.into_iter().map(statement).collect()
}

fn column_grants(view: &str, all: &[(String, Grant)]) -> Vec<String> {
    let mut groups: Vec<(&Grant, Vec<&str>)> = Vec::new();
    for (column, grant) in all {
        match groups.iter_mut().find(|(known, _)| *known == grant) {
            Some((_, columns)) => columns.push(column),
            None => groups.push((grant, vec![column])),
        }
    }
    let statement = |(grant, columns): (&Grant, Vec<&str>)| {
        let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
        let (privilege, columns) = (&grant.privilege, idents(columns));
        format!("GRANT {privilege} ({columns}) ON TABLE {view} TO {}{option}", grantee(grant.to.as_deref()))
    };
    groups.into_iter().map(statement).collect()
}
