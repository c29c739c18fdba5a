//! Six questions of Supabase's roles by each name that exists. It must not know what the answers should be: they should be
//! the same as before.

use crate::stand::Stand;
use anyhow::Result;

/// The answers by old or new names; nothing when there is no such name.
pub async fn ask(stand: &Stand, new: bool) -> Result<Option<Vec<String>>> {
    let (table, id, status) =
        if new { ("dispatch_activities", "mission_id", "mission_status") } else { ("activities", "task_id", "status") };
    if stand.number(&format!("SELECT (to_regclass('public.{table}') IS NOT NULL)::int")).await == 0 {
        return Ok(None);
    }
    let client = stand.client("rehearse: asking").await?;
    let mut answers = Vec::new();
    let visible = format!("SELECT count(*)::text FROM {table} WHERE {id} LIKE 'a00%'");
    let change = format!(
        "WITH w AS (UPDATE {table} SET {status} = 'DONE' WHERE {id} = 'a000000001' RETURNING 1) SELECT count(*)::text FROM w"
    );
    for role in ["anon", "authenticated", "service_role"] {
        for question in [&visible, &change] {
            client.batch_execute(&format!("BEGIN; SET LOCAL ROLE {role}")).await?;
            answers.push(match client.query_one(question.as_str(), &[]).await {
                Ok(row) => row.get(0),
                Err(error) => format!("refused {}", error.code().map_or("", |code| code.code())),
            });
            client.batch_execute("ROLLBACK").await?;
        }
    }
    Ok(Some(answers))
}

/// How many of the answers by all names are as they were, and how many there are.
pub async fn same(stand: &Stand, before: &[String]) -> Result<(usize, usize)> {
    let (mut same, mut all) = (0, 0);
    for new in [false, true] {
        if let Some(answers) = ask(stand, new).await? {
            all += answers.len();
            same += answers.iter().zip(before).filter(|(answer, before)| answer == before).count();
        }
    }
    Ok((same, all))
}
