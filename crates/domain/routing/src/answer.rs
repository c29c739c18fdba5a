//! What an external agent answers, and what is done about it: words for whoever wrote the messages, and missions. Pure.
//!
//! Nothing here leads to an agent again: an answer ends what an agent was asked, however it is put.

use crate::destination::{Destination, StorageDestination, StorageTable};
use crate::plan::{Content, Decision, PlannedDelivery, Verdict};
use crate::policy::reply_to;
use crate::storage::{AgentTaskWork, AnswerItem, StorageItem, StorageWork};
use dispatch_classification::classification::TaskTitle;
use dispatch_mission::ids::DeliveryId;
use dispatch_mission::mission::{MissionType, RoutingDecision};
use dispatch_mission::signal::Conversation;
use time::OffsetDateTime;

/// The rule under which an answer is routed on.
pub const RULE: &str = "agent_answer";

/// What an external agent answered. Both may be empty: then there is nothing to route on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AgentAnswer {
    /// For whoever wrote the messages, in their order.
    pub messages: Vec<String>,
    /// Work for people.
    pub missions: Vec<AnsweredMission>,
}

/// Work that an external agent wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnsweredMission {
    /// What to call it.
    pub title: TaskTitle,
    /// What is to be done; the title again where there is no more to say.
    pub description: String,
    /// ADMIN or MARKETING.
    pub mission_type: MissionType,
    /// The address it speaks of, to find the listing by.
    pub address: Option<String>,
    /// When it is due.
    pub due_at: Option<OffsetDateTime>,
}

/// What an agent was asked about, as far as its answer needs it.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// The delivery that asked.
    pub delivery_id: DeliveryId,
    /// The agent.
    pub agent: String,
    /// Where the messages were written.
    pub conversation: Conversation,
    /// Who wrote them.
    pub author: String,
    /// The provider's name of the first of them.
    pub message_ref: Option<String>,
    /// How sure the classifier was.
    pub confidence: f32,
}

impl AgentAnswer {
    /// Whether there is anything to route on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.missions.is_empty()
    }

    /// What is done about it: each message back to where the messages came from, each mission stored once. The same answer
    /// to the same delivery gives the same effects.
    #[must_use]
    pub fn route(self, question: &Question) -> Decision {
        let routing = RoutingDecision { auto_dispatch: true, reason: format!("Answered by agent {}", question.agent) };
        let missions = self.missions.into_iter().zip(0..).map(|(mission, place)| {
            let answer = AnswerItem { delivery_id: question.delivery_id, place };
            store(mission, answer, question, routing.clone())
        });
        let to = reply_to(&question.conversation, &question.author, question.message_ref.as_deref());
        let messages = self.messages.into_iter().filter_map(|text| {
            let destination = Destination::Notification(to.clone()?);
            Some(PlannedDelivery { destination, content: Content::Message { text }, after: None, quota: None })
        });
        let plan = missions.chain(messages).collect();
        Decision { routing: routing.clone(), rule: RULE.to_owned(), verdict: Verdict::Dispatch(plan), question: None }
    }
}

fn store(
    mission: AnsweredMission,
    answer: AnswerItem,
    question: &Question,
    routing_decision: RoutingDecision,
) -> PlannedDelivery {
    let item = StorageItem::AgentTask(AgentTaskWork {
        task_key: None,
        mission_type: mission.mission_type,
        title: mission.title.to_string(),
        description: mission.description,
        address: mission.address,
        due_at: mission.due_at,
        needs_info: None,
    });
    PlannedDelivery {
        destination: Destination::Storage(StorageDestination { table: StorageTable::DispatchAgentTasks }),
        content: Content::Storage(Box::new(StorageWork {
            author: question.author.clone(),
            assignee_hint: None,
            realtor_id: None,
            confidence: question.confidence,
            routing_decision,
            revision: 0,
            nonce: None,
            answer: Some(answer),
            item,
        })),
        after: None,
        quota: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::{NotificationDestination, SlackThread};
    use dispatch_mission::signal::Source;

    fn question(source: Source) -> Question {
        Question {
            delivery_id: DeliveryId::mint(),
            agent: "photos".into(),
            conversation: Conversation { source, workspace: "T1".into(), channel: "C1".into(), thread: None },
            author: "U1".into(),
            message_ref: Some("1.1".into()),
            confidence: 0.9,
        }
    }

    fn answer() -> AgentAnswer {
        let mission = |title: &str| AnsweredMission {
            title: TaskTitle::from_text(title).expect("a title"),
            description: "before noon".into(),
            mission_type: MissionType::Marketing,
            address: Some("12 Elm".into()),
            due_at: None,
        };
        AgentAnswer { messages: vec!["Booked!".into()], missions: vec![mission("Open the house"), mission("Close it")] }
    }

    #[test]
    fn missions_are_stored_and_messages_go_back_to_where_it_came_from() {
        let asked = question(Source::Slack);
        let decision = answer().route(&asked);
        assert_eq!((decision.rule.as_str(), decision.routing.reason.as_str()), (RULE, "Answered by agent photos"));
        let Verdict::Dispatch(plan) = decision.verdict else { panic!("something is to be done") };
        let items: Vec<_> = plan
            .iter()
            .filter_map(|one| match &one.content {
                Content::Storage(work) => work.answer,
                _ => None,
            })
            .collect();
        assert_eq!(items.iter().map(|item| item.place).collect::<Vec<_>>(), [0, 1]);
        assert!(items.iter().all(|item| item.delivery_id == asked.delivery_id));
        let thread = SlackThread { workspace: "T1".into(), channel_id: "C1".into(), thread_ts: "1.1".into() };
        assert_eq!(plan[2].destination, Destination::Notification(NotificationDestination::Slack(thread)));
        assert!(plan.iter().all(|one| !matches!(one.content, Content::Event(_))), "no agent is asked again");
        let Verdict::Dispatch(by_sms) = answer().route(&question(Source::Sms)).verdict else { panic!("the same") };
        let Destination::Notification(NotificationDestination::Sms(number)) = &by_sms[2].destination else {
            panic!("to the phone")
        };
        assert_eq!((number.from.as_str(), number.to.as_str()), ("C1", "U1"));
    }
}
