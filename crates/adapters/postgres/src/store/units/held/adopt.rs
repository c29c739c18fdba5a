//! Texts that somebody asked about, and that are to be dispatched after all: such a text becomes a unit of one message, held
//! until its first decision, in the transaction that decides. It must not plan.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, SignalId, UnitId};
use dispatch_mission::signal::{Conversation, Source};
use dispatch_routing::held_work::{Confirmation, HeldUnit, HeldWorkError};
use dispatch_routing::queue::ClaimToken;
use dispatch_routing::unit::{ClaimedUnit, Member};
use serde_json::json;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Halt;
use crate::store::classifications::row;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::Entry;

/// Why it is held between the first and the last statement of its transaction.
const REASON: &str = "asked_for";

// A text has no channel: each is a conversation of its own. Its door is the one that the asker named.
const ASKED: &str = "
SELECT r.text, r.said_at, r.principal, coalesce(r.source, '') AS door, c.created_at
FROM dispatch.classification_requests AS r JOIN dispatch.classifications AS c USING (classification_id)
WHERE r.classification_id = $1 AND c.unit_id IS NULL";

const LOCK: &str = "SELECT unit_id FROM dispatch.classifications WHERE classification_id = $1 FOR NO KEY UPDATE";

const UNIT: &str = "
INSERT INTO dispatch.units (
    unit_id, source, workspace, channel, conversation, author, state, reason, classification_id, opened_at)
SELECT $2, 'api', coalesce(source, ''), classification_id::text,
    'api/' || coalesce(source, '') || '/' || classification_id || '/-', principal, 'held', $3, classification_id, now()
FROM dispatch.classification_requests WHERE classification_id = $1";

// Its id is the unit's: whoever names either means both.
const SIGNAL: &str = "
INSERT INTO dispatch.signals (
    signal_id, source, workspace, channel, conversation, author, text, message_ref, content_key, state, unit_id, occurred_at,
    payload)
SELECT u.unit_id, u.source, u.workspace, u.channel, u.conversation, u.author, r.text, r.classification_id::text,
    'api:classification:' || r.classification_id, 'queued', u.unit_id, r.said_at, r.metadata::jsonb
FROM dispatch.classification_requests AS r JOIN dispatch.units AS u USING (classification_id)
WHERE r.classification_id = $1 AND u.unit_id = $2";

const MEANS: &str = "UPDATE dispatch.classifications SET unit_id = $2 WHERE classification_id = $1";

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Timestamptz)]
    said_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    principal: String,
    #[diesel(sql_type = Text)]
    door: String,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
}

/// The unit that this text would become; none where nobody asked, or where it is one already.
pub(super) async fn find(
    connection: &mut AsyncPgConnection,
    id: ClassificationId,
) -> Result<Option<HeldUnit>, StoreError> {
    let mut rows: Vec<Asked> = sql(ASKED).bind::<SqlUuid, _>(id.0).load(connection).await?;
    let (Some(asked), Some(kept)) = (rows.pop(), row::by_ids(connection, &[id.0]).await?.pop()) else {
        return Ok(None);
    };
    Ok(Some(HeldUnit {
        unit: asked.unit(id),
        classification_id: id,
        classified: kept.classified,
        classified_at: kept.created_at,
        decided: kept.preview.map(|preview| (preview.routing, preview.rule)),
        reason: REASON.to_owned(),
        since: asked.created_at,
        age: Duration::ZERO,
        expires_at: None,
        author: None,
    }))
}

impl Asked {
    fn unit(&self, id: ClassificationId) -> ClaimedUnit {
        let unit_id = UnitId::mint();
        let member = Member {
            signal_id: SignalId(unit_id.0),
            message_ref: id.to_string(),
            text: self.text.clone(),
            attachments: Vec::new(),
            at: self.said_at,
        };
        ClaimedUnit {
            unit_id,
            token: ClaimToken(Uuid::nil()),
            attempts: 0,
            conversation: Conversation {
                source: Source::Api,
                workspace: self.door.clone(),
                channel: id.to_string(),
                thread: None,
            },
            author: self.principal.clone(),
            members: vec![member],
            trace_id: String::new(),
            revision: None,
            replay: None,
        }
    }
}

/// What became of a text that was to be made a unit.
pub(super) enum Adopted {
    /// It is one now, held.
    Held(Box<Entry>),
    /// Somebody else was first.
    Before(UnitId),
}

/// Makes the text a unit, under the lock of its classification.
pub(super) async fn adopt(connection: &mut AsyncPgConnection, confirmation: &Confirmation) -> Result<Adopted, Halt> {
    let (unit, id) = (confirmation.unit_id.0, confirmation.classification_id.0);
    let mut owner: Vec<Owner> = sql(LOCK).bind::<SqlUuid, _>(id).load(connection).await?;
    let owner = owner.pop().ok_or(Halt::Told(HeldWorkError::Unknown))?;
    if let Some(other) = owner.unit_id {
        return Ok(Adopted::Before(UnitId(other)));
    }
    let made = sql(UNIT).bind::<SqlUuid, _>(id).bind::<SqlUuid, _>(unit).bind::<Text, _>(REASON);
    if made.execute(connection).await? == 0 {
        return Err(Halt::Told(HeldWorkError::Unknown));
    }
    for statement in [SIGNAL, MEANS] {
        sql(statement).bind::<SqlUuid, _>(id).bind::<SqlUuid, _>(unit).execute(connection).await?;
    }
    let entry = Entry {
        step: "route",
        event: "unit.asked_for",
        unit: Some(unit),
        subject: Some(unit.to_string()),
        detail: json!({ "classification_id": id }),
        ..Entry::default()
    };
    Ok(Adopted::Held(Box::new(entry)))
}
