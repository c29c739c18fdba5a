//! The tools of a conversation: read-only searches with the caller's rights, which are kept here and in the ports, never in
//! a prompt. A model and the local mind use the same ones in the same way. Must not know who of the two asks.

pub(crate) mod args;
mod harvest;
mod rows;
mod story;

use super::Asker;
use super::wall::Wall;
use crate::ports::converser::ToolSpec;
use crate::ports::records::{Records, RecordsError};
use crate::ports::stories::Stories;
use args::{DeliveryArgs, HeldArgs, ListingArgs, MessageArgs, MissionArgs, PeopleArgs, StoryArgs};
use dispatch_mission::mission_store::MissionStore;
pub use harvest::Citation;
pub(crate) use harvest::{Harvest, short};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::sync::Arc;
pub(crate) use story::Told;

/// Rows that a search gives when it is not told how many.
const USUAL_ROWS: u32 = 20;
/// The most people that a name may stand for.
const MOST_PEOPLE: u32 = 10;

/// A tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    SearchMissions,
    SearchListings,
    FindPeople,
    SearchMessages,
    HeldWork,
    SearchDeliveries,
    TellStory,
}

impl Tool {
    const ALL: [Self; 7] = [
        Self::SearchMissions,
        Self::SearchListings,
        Self::FindPeople,
        Self::SearchMessages,
        Self::HeldWork,
        Self::SearchDeliveries,
        Self::TellStory,
    ];

    /// Its name for models and in events.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SearchMissions => "search_missions",
            Self::SearchListings => "search_listings",
            Self::FindPeople => "find_people",
            Self::SearchMessages => "search_messages",
            Self::HeldWork => "held_work",
            Self::SearchDeliveries => "search_deliveries",
            Self::TellStory => "tell_story",
        }
    }

    /// Reads that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Whether this caller may use it at all.
    pub(crate) fn is_for(self, asker: &Asker) -> bool {
        match self {
            Self::SearchMissions | Self::SearchListings | Self::FindPeople => asker.missions,
            Self::SearchMessages | Self::HeldWork | Self::SearchDeliveries => asker.viewer.observes,
            Self::TellStory => asker.missions || asker.viewer.observes,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::SearchMissions => {
                "Missions (tasks): work that people claim and do. The most urgent first. Address, assignee, status, and when \
                 it was made, claimed, completed or is due."
            }
            Self::SearchListings => {
                "Listings (properties for sale or lease), with their realtor and how many missions are open."
            }
            Self::FindPeople => {
                "Staff and realtors by name or the beginning of one. Use it first when a question names somebody."
            }
            Self::SearchMessages => "Messages that came in by Slack or SMS, the newest first.",
            Self::HeldWork => "Work that waits for a person's decision, with the reason, the oldest first.",
            Self::SearchDeliveries => {
                "Deliveries: receipts, answers and stored work, each with its state and attempts."
            }
            Self::TellStory => {
                "Everything that happened to one thing, by any id, and how the missions of it stand now."
            }
        }
    }

    fn parameters(self) -> Value {
        match self {
            Self::SearchMissions => schema::<MissionArgs>(),
            Self::SearchListings => schema::<ListingArgs>(),
            Self::FindPeople => schema::<PeopleArgs>(),
            Self::SearchMessages => schema::<MessageArgs>(),
            Self::HeldWork => schema::<HeldArgs>(),
            Self::SearchDeliveries => schema::<DeliveryArgs>(),
            Self::TellStory => schema::<StoryArgs>(),
        }
    }
}

/// The tools that this caller may use, for a model.
pub(crate) fn specs(asker: &Asker) -> Vec<ToolSpec> {
    let allowed = Tool::ALL.into_iter().filter(|tool| tool.is_for(asker));
    allowed
        .map(|tool| ToolSpec { name: tool.name(), description: tool.description(), parameters: tool.parameters() })
        .collect()
}

/// Without references: some providers do not follow them.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
    }
    schema
}

/// Why a tool has no answer. The words are for whoever asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ToolError {
    /// `invalid_arguments`, `not_allowed`, `not_found`, `cutover_expand_due`, `unavailable`, `unknown_tool`, …
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl ToolError {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new("invalid_arguments", detail)
    }

    fn not_allowed() -> Self {
        Self::new("not_allowed", "whoever asks may not see this")
    }

    /// Nothing can be asked at the moment, or nothing of this kind.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.code == "unavailable"
    }
}

impl From<RecordsError> for ToolError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Forbidden => Self::not_allowed(),
            RecordsError::CutoverExpandDue => Self::new(
                "cutover_expand_due",
                "the brokerage's tables still have their old names; missions can be read after the cut-over's expand step",
            ),
            RecordsError::Unavailable(cause) => {
                tracing::warn!(error = %cause, "the records cannot be searched");
                Self::new("unavailable", "the records cannot be searched now")
            }
        }
    }
}

/// What the tools look into.
#[derive(Clone)]
pub(crate) struct Toolbox {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) stories: Arc<dyn Stories>,
    pub(crate) missions: Arc<dyn MissionStore>,
}

impl Toolbox {
    /// Uses a tool on behalf of `asker`.
    pub(crate) async fn use_tool(
        &self,
        asker: &Asker,
        wall: Wall,
        name: &str,
        arguments: &Value,
    ) -> Result<Harvest, ToolError> {
        let Some(tool) = Tool::parse(name) else {
            let known: Vec<&str> = Tool::ALL.iter().filter(|tool| tool.is_for(asker)).map(|tool| tool.name()).collect();
            return Err(ToolError::new("unknown_tool", format!("there are: {}", known.join(", "))));
        };
        if !tool.is_for(asker) {
            return Err(ToolError::not_allowed());
        }
        let (records, viewer) = (&*self.records, &asker.viewer);
        Ok(match tool {
            Tool::SearchMissions => {
                let args: MissionArgs = args::read(arguments)?;
                let search = args.search(wall, viewer.staff.as_ref())?;
                Harvest::Missions(records.missions(viewer, &search, rows_of(args.limit)?).await?)
            }
            Tool::SearchListings => {
                let args: ListingArgs = args::read(arguments)?;
                Harvest::Listings(records.listings(viewer, &args.search()?, rows_of(args.limit)?).await?)
            }
            Tool::FindPeople => {
                let args: PeopleArgs = args::read(arguments)?;
                Harvest::People(records.people(&args::text("name", &args.name)?, MOST_PEOPLE).await?)
            }
            Tool::SearchMessages => {
                let args: MessageArgs = args::read(arguments)?;
                Harvest::Messages(records.signals(viewer, &args.search(wall)?, rows_of(args.limit)?).await?)
            }
            Tool::HeldWork => {
                let args: HeldArgs = args::read(arguments)?;
                Harvest::Held(records.held(viewer, rows_of(args.limit)?).await?)
            }
            Tool::SearchDeliveries => {
                let args: DeliveryArgs = args::read(arguments)?;
                Harvest::Deliveries(records.deliveries(viewer, &args.search(wall)?, rows_of(args.limit)?).await?)
            }
            Tool::TellStory => {
                let args: StoryArgs = args::read(arguments)?;
                Harvest::Story(Box::new(story::tell(self, asker, &args::text("id", &args.id)?).await?))
            }
        })
    }
}

fn rows_of(limit: Option<u32>) -> Result<u32, ToolError> {
    match limit {
        None => Ok(USUAL_ROWS),
        Some(limit) if (1..=crate::ports::records::MOST_ROWS).contains(&limit) => Ok(limit),
        Some(_) => Err(ToolError::invalid("limit is a number from 1 to 50")),
    }
}
