//! Routes on what an external agent answered: a dispatch of its own, in the transaction that settles the delivery which
//! asked. It must not know what is done about an answer: the domain plans.

use diesel::QueryableByName;
use diesel::sql_types::{Float, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId};
use dispatch_mission::signal::{Conversation, Source};
use dispatch_routing::answer::{AgentAnswer, Question, RoutedOn, TOO_DEEP};
use dispatch_routing::destination::Destination;
use dispatch_routing::plan::Content;
use dispatch_routing::question::Ended;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::units::carry_out::{Order, carry_out};

// Whom the answer goes back to, and what it was about.
const ASKED: &str = "
SELECT p.unit_id, p.classification_id, d.destination, d.content, u.source, u.workspace, u.channel, u.thread, u.author, c.confidence,
    (SELECT s.message_ref FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id AND s.state = 'queued'
     ORDER BY s.occurred_at, s.message_ref, s.signal_id LIMIT 1) AS message_ref
FROM dispatch.deliveries AS d
JOIN dispatch.dispatches AS p USING (dispatch_id)
JOIN dispatch.units AS u ON u.unit_id = p.unit_id
JOIN dispatch.classifications AS c ON c.classification_id = p.classification_id
WHERE d.delivery_id = $1 AND NOT EXISTS (SELECT FROM dispatch.dispatches WHERE answer_of = $1)";

const NOTE: &str = "UPDATE dispatch.dispatches SET answer_of = $2 WHERE dispatch_id = $1";

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Jsonb)]
    content: Value,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    workspace: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<Text>)]
    thread: Option<String>,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Float)]
    confidence: f32,
    #[diesel(sql_type = Nullable<Text>)]
    message_ref: Option<String>,
}

/// Routes `answer` on, once for each delivery. One that cannot be read is a line in the story and nothing else.
pub(super) async fn route_on(
    connection: &mut AsyncPgConnection,
    delivery: DeliveryId,
    answer: &Result<Box<AgentAnswer>, String>,
    depth: u32,
) -> Result<(), StoreError> {
    let mut asked: Vec<Asked> = sql(ASKED).bind::<SqlUuid, _>(delivery.0).load(connection).await?;
    let Some(asked) = asked.pop() else { return Ok(()) };
    let unit = asked.unit_id;
    let told = |event, detail| Entry {
        step: "route",
        event,
        unit: Some(unit),
        delivery: Some(delivery.0),
        subject: Some(delivery.to_string()),
        detail,
        ..Entry::default()
    };
    let answer = match answer {
        Ok(answer) => answer.as_ref().clone(),
        Err(code) => {
            return timeline::append(connection, &[told("agent.answer_refused", json!({ "code": code }))]).await;
        }
    };
    let (dispatch, classification) = (DispatchId::mint().0, asked.classification_id);
    let detail = json!({
        "dispatch_id": dispatch, "messages": answer.messages.len(), "missions": answer.missions.len(),
        "agents": answer.agents,
    });
    let RoutedOn { decision, not_told } = answer.route(&asked.question(delivery)?, depth);
    let mut entries = vec![told("agent.answered", detail)];
    if !not_told.is_empty() {
        // A loop of agents ends here, and says so.
        let why = json!({ "agents": not_told, "reason": TOO_DEEP, "limit": depth });
        entries.push(told("agent.not_handed_on", why));
    }
    // It says nothing of what people are asked about the unit.
    let (asked_before, ends) = (false, Ended::Changed);
    let order =
        Order { unit, classification, dispatch, decision: &decision, replay_of: None, waits: None, asked_before, ends };
    carry_out(connection, &[order], entries).await?;
    sql(NOTE).bind::<SqlUuid, _>(dispatch).bind::<SqlUuid, _>(delivery.0).execute(connection).await?;
    Ok(())
}

impl Asked {
    fn question(self, delivery_id: DeliveryId) -> Result<Question, StoreError> {
        let agent = match serde_json::from_value(self.destination)? {
            Destination::Agent(agent) => agent.target,
            other => other.kind().as_str().to_owned(),
        };
        Ok(Question {
            delivery_id,
            agent,
            conversation: Conversation {
                source: Source::parse(&self.source).unwrap_or(Source::Slack),
                workspace: self.workspace,
                channel: self.channel,
                thread: self.thread,
            },
            author: self.author,
            message_ref: self.message_ref,
            confidence: self.confidence,
            told: match serde_json::from_value(self.content)? {
                Content::Event(event) => Some(*event),
                _ => None,
            },
        })
    }
}
