//! A listing whose activities are all done moves to the logbook; when one of them is open again, it comes back.
//!
//! It must not know which activity changed.

use diesel::QueryableByName;
use diesel::sql_types::{Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::ListingId;
use dispatch_mission::rules::is_for_the_logbook;

use crate::store::effects::tables::{LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Whoever finishes the last two activities at once takes turns here; the count is a statement of its own, so that the
// second sees what the first did.
const LOCK: &str = "SELECT FROM public.listings WHERE listing_id = $1 FOR NO KEY UPDATE";

const COUNT: &str = "
SELECT count(*) FILTER (WHERE mission_status NOT IN ('DONE', 'FAILED', 'CANCELLED'))::integer AS left_over,
    count(*) FILTER (WHERE mission_status = 'DONE')::integer AS done
FROM public.dispatch_activities WHERE listing_id = $1 AND deleted_at IS NULL";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Integer)]
    left_over: i32,
    #[diesel(sql_type = Integer)]
    done: i32,
}

/// Puts the listing where its activities say it belongs.
pub(crate) async fn settle(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    listing: &ListingId,
) -> Result<(), StoreError> {
    let has = |column: &'static str| !tables.existing(LISTINGS, &[column]).is_empty();
    if !has("status") {
        return Ok(());
    }
    sql(LOCK).bind::<Text, _>(&listing.0).execute(connection).await?;
    let count: Count = sql(COUNT).bind::<Text, _>(&listing.0).get_result(connection).await?;
    let finished = is_for_the_logbook(count.left_over.unsigned_abs(), count.done.unsigned_abs());
    let (status, at) = if finished { ("'completed'", "now()") } else { ("'in_progress'", "NULL") };
    let stamp = if has("completed_at") { format!(", completed_at = {at}") } else { String::new() };
    // A listing that is where it belongs is left alone, and so is one that never was in the logbook.
    let moves = if finished { "status IS DISTINCT FROM 'completed'" } else { "status = 'completed'" };
    let statement = format!("UPDATE public.listings SET status = {status}{stamp} WHERE listing_id = $1 AND {moves}");
    sql(statement).bind::<Text, _>(&listing.0).execute(connection).await?;
    Ok(())
}
