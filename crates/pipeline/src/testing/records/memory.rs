//! Records in memory.

use super::world::{World, account_of};
use crate::ports::records::{
    DeliveryHit, DeliverySearch, Found, HeldHit, ListingHit, ListingSearch, MOST_ROWS, MissionHit, MissionSearch,
    Person, PersonHit, Records, RecordsError, SignalHit, SignalSearch, Span, Viewer,
};
use async_trait::async_trait;
use dispatch_mission::mission::{MissionKind, Visibility};
use std::cmp::Reverse;
use time::OffsetDateTime;

/// Searches a [`World`].
#[derive(Clone, Debug)]
pub struct MemoryRecords(pub World);

fn found<T>(mut items: Vec<T>, limit: u32) -> Found<T> {
    let limit = limit.min(MOST_ROWS) as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    Found { items, more }
}

fn within(span: Option<Span>, at: Option<OffsetDateTime>) -> bool {
    let Some(span) = span else { return true };
    at.is_some_and(|at| span.from.is_none_or(|from| from <= at) && span.to.is_none_or(|to| at < to))
}

fn plain(text: &str) -> String {
    dispatch_classification::local::reading::folded(text)
}

fn has_words(text: &str, words: Option<&String>) -> bool {
    let text = plain(text);
    words.is_none_or(|words| plain(words).split_whitespace().all(|word| text.contains(word)))
}

fn normal(address: &str) -> Vec<String> {
    let short = |word: &str| match word {
        "street" => "st".to_owned(),
        "avenue" => "ave".to_owned(),
        "road" => "rd".to_owned(),
        "lane" => "ln".to_owned(),
        other => other.to_owned(),
    };
    plain(address).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(short).collect()
}

fn names(text: &str, address: &[String]) -> bool {
    !address.is_empty() && normal(text).windows(address.len()).any(|words| words == address)
}

/// The same place: one is the beginning of the other.
fn is_at(stored: Option<&String>, asked: &[String]) -> bool {
    stored
        .is_some_and(|stored| names(stored, asked) || (normal(stored).len() > 1 && asked.starts_with(&normal(stored))))
}

#[async_trait]
impl Records for MemoryRecords {
    async fn missions(
        &self,
        viewer: &Viewer,
        search: &MissionSearch,
        limit: u32,
    ) -> Result<Found<MissionHit>, RecordsError> {
        let address = search.address.as_deref().map(normal);
        let fits = |hit: &&MissionHit| {
            let mission = &hit.mission;
            let text = format!("{} {}", mission.title, mission.description.as_deref().unwrap_or_default());
            let group = mission.visibility.unwrap_or(Visibility::Both);
            mission.deleted_at.is_none()
                && (mission.kind == MissionKind::AgentTask || viewer.sight.sees(group))
                && has_words(&text, search.words.as_ref())
                && address.as_ref().is_none_or(|asked| is_at(hit.address.as_ref(), asked) || names(&text, asked))
                && search.listing.is_none_or_eq(mission.listing_id.as_ref())
                && search.kind.is_none_or(|kind| kind == mission.kind)
                && (search.statuses.is_empty() || search.statuses.contains(&mission.status))
                && search.assigned_to.as_ref().is_none_or(|whose| *whose == mission.assigned_to)
                && search.realtor.is_none_or_eq(mission.realtor_id.as_ref())
                && within(search.created, Some(mission.created_at))
                && within(search.claimed, mission.claimed_at)
                && within(search.completed, mission.completed_at)
                && within(search.due, mission.due_at)
        };
        let mut items: Vec<MissionHit> = self.0.missions.iter().filter(fits).cloned().collect();
        items.sort_by_key(|hit| {
            let mission = &hit.mission;
            (mission.due_at.is_none(), mission.due_at, Reverse(mission.created_at), Reverse(mission.mission_id.clone()))
        });
        Ok(found(items, limit))
    }

    async fn listings(
        &self,
        viewer: &Viewer,
        search: &ListingSearch,
        limit: u32,
    ) -> Result<Found<ListingHit>, RecordsError> {
        let address = search.address.as_deref().map(normal);
        let fits = |(hit, realtor): &&(ListingHit, Option<dispatch_mission::ids::RealtorId>)| {
            address.as_ref().is_none_or(|asked| is_at(hit.address.as_ref(), asked))
                && search.realtor.is_none_or_eq(realtor.as_ref())
                && (search.statuses.is_empty() || search.statuses.contains(&hit.status))
        };
        let mut items: Vec<ListingHit> = self.0.listings.iter().filter(fits).map(|(hit, _)| hit.clone()).collect();
        for hit in &mut items {
            let open = MissionSearch { listing: Some(hit.listing_id.clone()), ..MissionSearch::default() };
            let all = self.missions(viewer, &open, MOST_ROWS).await?;
            hit.open_missions = all.items.iter().filter(|hit| !hit.mission.status.is_final()).count() as u32;
        }
        Ok(found(items, limit))
    }

    async fn people(&self, name: &str, limit: u32) -> Result<Found<PersonHit>, RecordsError> {
        let asked = plain(name);
        let name_of = |hit: &PersonHit| match hit {
            PersonHit::Staff { name, .. } | PersonHit::Realtor { name, .. } => plain(name),
        };
        let fits = |hit: &PersonHit| {
            let name = name_of(hit);
            asked.split_whitespace().all(|word| name.split_whitespace().any(|part| part.starts_with(word)))
        };
        let all = self.0.people.iter().filter(|person| person.works_here).map(|person| &person.hit);
        let mut items: Vec<PersonHit> = all.filter(|hit| !asked.is_empty() && fits(hit)).cloned().collect();
        items.sort_by_key(|hit| name_of(hit) != asked);
        Ok(found(items, limit))
    }

    async fn signals(
        &self,
        viewer: &Viewer,
        search: &SignalSearch,
        limit: u32,
    ) -> Result<Found<SignalHit>, RecordsError> {
        observes(viewer)?;
        let account = search.author.as_ref().map(|author| match author {
            Person::Staff(id) => account_of(&id.0),
            Person::Realtor(id) => account_of(&id.0),
        });
        let fits = |(hit, author): &&(SignalHit, String)| {
            has_words(&hit.excerpt, search.words.as_ref())
                && search.source.is_none_or(|source| source == hit.source)
                && account.as_ref().is_none_or(|account| account == author)
                && within(search.received, Some(hit.received_at))
        };
        let mut items: Vec<SignalHit> = self.0.signals.iter().filter(fits).map(|(hit, _)| hit.clone()).collect();
        items.sort_by_key(|hit| Reverse(hit.received_at));
        Ok(found(items, limit))
    }

    async fn held(&self, viewer: &Viewer, limit: u32) -> Result<Found<HeldHit>, RecordsError> {
        observes(viewer)?;
        let mut items = self.0.held.clone();
        items.sort_by_key(|hit| hit.held_since);
        Ok(found(items, limit))
    }

    async fn deliveries(
        &self,
        viewer: &Viewer,
        search: &DeliverySearch,
        limit: u32,
    ) -> Result<Found<DeliveryHit>, RecordsError> {
        observes(viewer)?;
        let fits = |hit: &&DeliveryHit| {
            (search.states.is_empty() || search.states.contains(&hit.state))
                && search.unit.is_none_or(|unit| unit == hit.unit_id)
                && within(search.created, Some(hit.created_at))
        };
        let mut items: Vec<DeliveryHit> = self.0.deliveries.iter().filter(fits).cloned().collect();
        items.sort_by_key(|hit| Reverse((hit.created_at, hit.delivery_id)));
        Ok(found(items, limit))
    }
}

fn observes(viewer: &Viewer) -> Result<(), RecordsError> {
    if viewer.observes { Ok(()) } else { Err(RecordsError::Forbidden) }
}

/// Whether nothing is asked for, or just this.
trait NoneOr<T> {
    fn is_none_or_eq(&self, found: Option<&T>) -> bool;
}

impl<T: PartialEq> NoneOr<T> for Option<T> {
    fn is_none_or_eq(&self, found: Option<&T>) -> bool {
        self.as_ref().is_none_or(|wanted| Some(wanted) == found)
    }
}
