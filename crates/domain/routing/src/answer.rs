//! What an external agent answers, and what is done about it: words for whoever wrote the messages, missions, and who else is
//! asked. Pure.
//!
//! However agents answer each other, it ends: so many of them one after another, and the last one hands on to nobody.

use crate::destination::{AgentDestination, Destination, StorageDestination, StorageTable};
use crate::event::{EventWork, HandedOn};
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

/// Why an agent's answer is handed on to nobody.
pub const TOO_DEEP: &str = "agent_depth";

/// What an external agent answered. All may be empty: then there is nothing to route on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AgentAnswer {
    /// For whoever wrote the messages, in their order.
    pub messages: Vec<String>,
    /// Work for people.
    pub missions: Vec<AnsweredMission>,
    /// Other agents of the policy file, which are told what this one answered.
    pub agents: Vec<String>,
}

/// What is done about an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutedOn {
    /// A plan.
    pub decision: Decision,
    /// Agents that are not told, for too many have answered one after another.
    pub not_told: Vec<String>,
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
    /// What the agent was told, where that is known: what another one is told that it hands on to.
    pub told: Option<EventWork>,
}

impl AgentAnswer {
    /// Whether there is anything to route on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.missions.is_empty() && self.agents.is_empty()
    }

    /// What is done about it: each message back to where the messages came from, each mission stored once, other agents told
    /// as long as no more than `depth` answer one after another. The same answer to the same delivery gives the same effects.
    #[must_use]
    pub fn route(self, question: &Question, depth: u32) -> RoutedOn {
        let (handed, not_told) = self.handed_on(question, depth);
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
        let plan = missions.chain(messages).chain(handed).collect();
        let decision = Decision {
            routing: routing.clone(),
            rule: RULE.to_owned(),
            verdict: Verdict::Dispatch(plan),
            question: None,
        };
        RoutedOn { decision, not_told }
    }

    /// What the agents are told that it hands on to, and those that are not told.
    fn handed_on(&self, question: &Question, depth: u32) -> (Vec<PlannedDelivery>, Vec<String>) {
        let Some(told) = question.told.as_ref() else { return (Vec::new(), self.agents.clone()) };
        let answered = told.depth() + 1;
        if answered >= depth {
            return (Vec::new(), self.agents.clone());
        }
        let event = told.handed_on(&HandedOn {
            agent: question.agent.clone(),
            depth: answered,
            messages: self.messages.clone(),
            missions: self.missions.iter().map(|mission| mission.title.to_string()).collect(),
        });
        let tell = |target: &String| PlannedDelivery {
            destination: Destination::Agent(AgentDestination { target: target.clone() }),
            content: Content::Event(Box::new(event.clone())),
            after: None,
            quota: None,
        };
        (self.agents.iter().map(tell).collect(), Vec::new())
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::destination::{NotificationDestination, SlackPlace};
    use crate::event::EventType;
    use crate::testing::{claimed_unit, stray};
    use dispatch_mission::signal::Source;
    use dispatch_mission::zone::Zone;

    fn question(source: Source) -> Question {
        Question {
            delivery_id: DeliveryId::mint(),
            agent: "photos".into(),
            conversation: Conversation { source, workspace: "T1".into(), channel: "C1".into(), thread: None },
            author: "U1".into(),
            message_ref: Some("1.1".into()),
            confidence: 0.9,
            told: None,
        }
    }

    fn event() -> EventWork {
        let unit = claimed_unit("Please book the photographer");
        EventWork::about(&unit, &stray().classification, &Zone::toronto())
    }

    /// Who is told, and who is not, when one hands on to itself for ever.
    fn hands_on(depth: u32) -> (u32, Vec<String>) {
        let mut asked = Question { told: Some(event()), ..question(Source::Slack) };
        let mut times = 0;
        loop {
            let RoutedOn { decision, not_told } =
                AgentAnswer { agents: vec!["photos".into()], ..answer() }.route(&asked, depth);
            let Verdict::Dispatch(plan) = decision.verdict else { panic!("something is to be done") };
            assert_eq!(plan.iter().filter(|one| matches!(one.content, Content::Storage(_))).count(), 2);
            let next = plan.into_iter().find_map(|one| match (one.destination, one.content) {
                (Destination::Agent(to), Content::Event(event)) if to.target == "photos" => Some(*event),
                _ => None,
            });
            let Some(next) = next else { return (times, not_told) };
            times += 1;
            assert_eq!((next.event, next.depth()), (EventType::Answered, times));
            assert_eq!(next.data.answer.as_ref().expect("an answer").missions, ["Open the house", "Close it"]);
            asked.told = Some(next);
        }
    }

    #[test]
    fn agents_hand_on_to_each_other_so_often_and_no_more() {
        assert_eq!(hands_on(1), (0, vec!["photos".to_owned()]));
        assert_eq!(hands_on(3), (2, vec!["photos".to_owned()]), "three answer one after another");
    }

    #[test]
    fn what_is_handed_on_stays_under_the_limit_of_an_event() {
        let mut told = event();
        told.data.message.text = "\u{1F3E0}".repeat(3_000);
        let answer = AgentAnswer {
            messages: vec!["\u{1F3E0}".repeat(3_000); 4],
            missions: vec![answer().missions.swap_remove(0); 8],
            agents: vec!["photos".into()],
        };
        let asked = Question { told: Some(told), ..question(Source::Slack) };
        let Verdict::Dispatch(plan) = answer.route(&asked, 3).decision.verdict else {
            panic!("something is to be done")
        };
        let event = plan.iter().find_map(|one| match &one.content {
            Content::Event(event) => Some(serde_json::to_string(event).expect("JSON")),
            _ => None,
        });
        let length = event.expect("it is told").len();
        assert!(length < 16_000, "{length}");
    }

    fn answer() -> AgentAnswer {
        let mission = |title: &str| AnsweredMission {
            title: TaskTitle::from_text(title).expect("a title"),
            description: "before noon".into(),
            mission_type: MissionType::Marketing,
            address: Some("12 Elm".into()),
            due_at: None,
        };
        let missions = vec![mission("Open the house"), mission("Close it")];
        AgentAnswer { messages: vec!["Booked!".into()], missions, agents: Vec::new() }
    }

    #[test]
    fn missions_are_stored_and_messages_go_back_to_where_it_came_from() {
        let asked = question(Source::Slack);
        let decision = answer().route(&asked, 3).decision;
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
        let thread = SlackPlace { workspace: "T1".into(), channel_id: "C1".into(), thread_ts: Some("1.1".into()) };
        assert_eq!(plan[2].destination, Destination::Notification(NotificationDestination::Slack(thread)));
        assert!(plan.iter().all(|one| !matches!(one.content, Content::Event(_))), "no agent is asked again");
        let Verdict::Dispatch(by_sms) = answer().route(&question(Source::Sms), 3).decision.verdict else {
            panic!("the same")
        };
        let Destination::Notification(NotificationDestination::Sms(number)) = &by_sms[2].destination else {
            panic!("to the phone")
        };
        assert_eq!((number.from.as_str(), number.to.as_str()), ("C1", "U1"));
    }
}
