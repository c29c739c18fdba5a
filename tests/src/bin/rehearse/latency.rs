//! What a view costs: one client reads by key through either name, in turn. It must not know which one is the table.

use crate::stand::Stand;
use anyhow::Result;
use std::time::Instant;

const RUNS: usize = 3;

/// Median microseconds a read by the old name and by the new, of so many each in each run.
pub async fn medians(stand: &Stand, reads: u64) -> Result<(f64, f64)> {
    let client = stand.client("rehearse: timing").await?;
    let old = client.prepare("SELECT * FROM activities WHERE task_id = $1").await?;
    let new = client.prepare("SELECT * FROM dispatch_activities WHERE mission_id = $1").await?;
    let (mut by_old, mut by_new) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let mut took = [Vec::new(), Vec::new()];
        for number in 0..reads {
            let id = format!("a{:09}", number * 7919 % stand.rows + 1);
            // One after the other, so that whatever else the machine does, it does to both.
            for (statement, into) in [&old, &new].into_iter().zip(&mut took) {
                let since = Instant::now();
                client.query(statement, &[&id]).await?;
                into.push(since.elapsed().as_secs_f64() * 1e6);
            }
        }
        let [old, new] = took;
        by_old.push(median(old));
        by_new.push(median(new));
    }
    Ok((median(by_old), median(by_new)))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
