//! One thing's story, as far as the caller may hear it: what belongs to a mission that is hidden from him is left out, and
//! the story of such a mission is not found. Must not know who tells it on.

use super::{ToolError, Toolbox};
use crate::ports::stories::{Story, StoryEntry};
use crate::query::Asker;
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_store::MissionStoreError;
use serde_json::Value;
use std::collections::HashSet;

/// The most missions of one story that are looked at.
const MOST_MISSIONS: usize = 20;

/// What there is to tell.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Told {
    /// The id that was asked about.
    pub(crate) id: String,
    /// None where nothing was done to it through Dispatch, or the caller may only see missions.
    pub(crate) story: Option<Story>,
    /// How its missions stand now, the one asked about first.
    pub(crate) missions: Vec<Mission>,
}

pub(super) async fn tell(tools: &Toolbox, asker: &Asker, id: &str) -> Result<Told, ToolError> {
    let id = id.trim_matches(['`', '"', '\'', '<', '>']).trim();
    let asked = seen(tools, asker, id).await?;
    let story = if asker.viewer.observes { find(tools, id).await? } else { None };
    let Some(story) = story else {
        return asked
            .map(|mission| Told { id: id.to_owned(), story: None, missions: vec![mission] })
            .ok_or_else(|| nothing(asker));
    };
    let is_mission = story.mission_ids.iter().any(|mission| mission.0.eq_ignore_ascii_case(id));
    if is_mission && asked.is_none() && (!asker.viewer.sight.is_all() || !asker.missions) {
        return Err(nothing(asker));
    }
    let mut missions: Vec<Mission> = asked.into_iter().collect();
    let mut hidden = HashSet::new();
    for mission_id in &story.mission_ids {
        if missions.iter().any(|mission| mission.mission_id == *mission_id) {
            continue;
        }
        let found = if missions.len() < MOST_MISSIONS { seen(tools, asker, &mission_id.0).await? } else { None };
        match found {
            Some(mission) => missions.push(mission),
            None if asker.viewer.sight.is_all() && asker.missions => {}
            None => {
                hidden.insert(mission_id.0.clone());
            }
        }
    }
    Ok(Told { id: id.to_owned(), story: Some(without(story, &hidden)), missions })
}

async fn find(tools: &Toolbox, id: &str) -> Result<Option<Story>, ToolError> {
    tools.stories.find(id).await.map_err(|error| {
        tracing::warn!(error = %error.0, "a story cannot be read");
        ToolError::new("unavailable", "stories cannot be read now")
    })
}

/// The mission with this id, if the caller may see it.
async fn seen(tools: &Toolbox, asker: &Asker, id: &str) -> Result<Option<Mission>, ToolError> {
    if !asker.missions {
        return Ok(None);
    }
    match tools.missions.find(asker.viewer.sight, &MissionId(id.to_owned())).await {
        Ok(mission) => Ok(mission),
        // There are none to see yet; the story of a message is there all the same.
        Err(MissionStoreError::CutoverExpandDue) => Ok(None),
        Err(MissionStoreError::Unavailable(cause)) => {
            tracing::warn!(error = %cause, "a mission cannot be read");
            Err(ToolError::new("unavailable", "missions cannot be read now"))
        }
    }
}

fn nothing(asker: &Asker) -> ToolError {
    let looked = if asker.viewer.observes {
        "no event, unit, classification, dispatch, delivery, mission or listing has this id"
    } else {
        "no mission that you may see has this id; for messages and deliveries the scope `observe` is needed"
    };
    ToolError::new("not_found", looked)
}

/// The story without what speaks of `hidden` missions.
fn without(mut story: Story, hidden: &HashSet<String>) -> Story {
    if hidden.is_empty() {
        return story;
    }
    story.mission_ids.retain(|mission| !hidden.contains(&mission.0));
    story.entries.retain(|entry| !entry.subject.as_ref().is_some_and(|subject| hidden.contains(subject)));
    for StoryEntry { detail, .. } in &mut story.entries {
        for value in detail.values_mut() {
            forget(value, hidden);
        }
        detail.retain(|_, value| !value.as_str().is_some_and(|text| hidden.contains(text)));
    }
    story
}

fn forget(value: &mut Value, hidden: &HashSet<String>) {
    match value {
        Value::Array(values) => {
            values.retain(|value| !value.as_str().is_some_and(|text| hidden.contains(text)));
            values.iter_mut().for_each(|value| forget(value, hidden));
        }
        Value::Object(members) => {
            members.retain(|_, value| !value.as_str().is_some_and(|text| hidden.contains(text)));
            members.values_mut().for_each(|value| forget(value, hidden));
        }
        _ => {}
    }
}
