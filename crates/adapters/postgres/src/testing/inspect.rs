//! Looking into a test's database from outside, and shutting its door for a while.

use super::TestDatabase;
use crate::connect;
use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Nullable};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use serde_json::Value;

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Nullable<Jsonb>)]
    rows: Option<Value>,
}

impl TestDatabase {
    /// The rows of `query`, each as a JSON object.
    pub async fn json(&self, query: &str) -> Vec<Value> {
        let mut connection = self.connect().await;
        let sql = format!("SELECT jsonb_agg(to_jsonb(answer)) AS rows FROM ({query}) AS answer");
        let answer: Rows = diesel::sql_query(sql)
            .get_result(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("the query fails: {error}\n{query}"));
        match answer.rows {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        }
    }

    /// Runs statements that answer nothing.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.batch_execute(sql).await.unwrap_or_else(|error| panic!("the statement fails: {error}\n{sql}"));
    }

    /// Refuses every connection to this database and ends those that are open, as if its server were gone; or lets
    /// them in again.
    pub async fn refuse_connections(&self, refuse: bool) {
        let mut admin = connect::one(&self.admin).await.unwrap_or_else(|error| panic!("{error}"));
        let name = &self.name;
        let allow = !refuse;
        let mut sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow};");
        if refuse {
            sql.push_str(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
        }
        admin.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error}"));
    }
}
