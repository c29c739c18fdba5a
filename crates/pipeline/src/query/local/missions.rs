//! Questions about missions: which, whose, where, when. Must not know how a question is worded.

use super::intent::{Asked, Set};
use super::people::{Meant, Whose, meant};
use super::prose;
use super::span;
use super::when::When;
use crate::ports::records::{Found, MOST_ROWS, MissionHit};
use crate::query::narration::Narration;
use crate::query::toolbox::args::{ListingArgs, MissionArgs, SpanArgs, StatusArg};
use crate::query::toolbox::{Harvest, ToolError};
use crate::query::wall::instant;

const OPEN: [StatusArg; 4] = [StatusArg::Active, StatusArg::Claimed, StatusArg::InProgress, StatusArg::NeedsInfo];

/// Answers which missions there are, for each person that is meant.
pub(super) async fn answer(narration: &Narration<'_>, asked: &Asked, set: Set) -> Result<String, ToolError> {
    let mut meant = meant(narration, asked).await?;
    if let Some(instead) = meant.instead() {
        return Ok(instead);
    }
    let means_something = !meant.people.is_empty()
        || meant.place.is_some()
        || !asked.topics.is_empty()
        || asked.when.is_some()
        || asked.me;
    if !asked.explicit && !means_something {
        return Ok(prose::not_understood());
    }
    let (set, when) = settled(set, asked, &meant);
    let mut parts: Vec<String> = meant.note.take().into_iter().collect();
    for whose in meant.whose(asked) {
        let look =
            Look { set, when: when.as_ref(), whose: &whose, place: meant.place.as_deref(), topics: &meant.topics };
        parts.push(look.answer(narration).await?);
    }
    Ok(parts.join("\n\n"))
}

/// The set and the span, where one says something about the other: what is left this week is due this week.
fn settled(set: Set, asked: &Asked, meant: &Meant) -> (Set, Option<When>) {
    let when = asked.when.clone();
    match set {
        // "overdue today" is overdue now.
        Set::Overdue | Set::Unclaimed | Set::InProgress => (set, None),
        Set::Open
            if when
                .as_ref()
                .is_some_and(|when| when.said != "today" || asked.topics.is_empty() && meant.place.is_none()) =>
        {
            (Set::Due, when)
        }
        Set::Open => (Set::Open, None),
        _ => (set, when),
    }
}

/// "What did Sam do today": what was claimed, and what was completed.
pub(super) async fn deeds(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let mut meant = meant(narration, asked).await?;
    if let Some(instead) = meant.instead() {
        return Ok(instead);
    }
    let mut parts: Vec<String> = meant.note.take().into_iter().collect();
    for whose in meant.whose(asked) {
        for set in [Set::Claimed, Set::Done] {
            let look = Look {
                set,
                when: asked.when.as_ref(),
                whose: &whose,
                place: meant.place.as_deref(),
                topics: &meant.topics,
            };
            parts.push(look.answer(narration).await?);
        }
    }
    Ok(parts.join("\n\n"))
}

/// All about an address: its listing, and its missions, the open ones first.
pub(super) async fn place(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let Some(address) = &asked.address else { return Ok(prose::not_understood()) };
    let listings = ListingArgs { address: Some(address.clone()), limit: Some(10), ..ListingArgs::default() };
    let Harvest::Listings(listings) = call(narration, "search_listings", &listings).await? else {
        return Ok(prose::not_understood());
    };
    let args = MissionArgs { address: Some(address.clone()), limit: Some(MOST_ROWS), ..MissionArgs::default() };
    let found = search(narration, &args).await?;
    let mut parts: Vec<String> =
        listings.items.iter().map(|hit| super::work::listing_line(hit, narration.wall)).collect();
    if parts.is_empty() && found.items.is_empty() {
        return Ok(format!("I know no listing and no mission at “{address}”{}.", among(narration)));
    }
    let (open, closed): (Vec<MissionHit>, Vec<MissionHit>) =
        found.items.into_iter().partition(|hit| !hit.mission.status.is_final());
    let heading = |hits: &[MissionHit], one: &str, many: &str| {
        prose::sentence(&format!("{}:", prose::counted(hits.len(), found.more, one, many)))
    };
    for (hits, one, many) in [(&open, "open mission", "open missions"), (&closed, "closed mission", "closed missions")]
    {
        if !hits.is_empty() {
            parts.push(prose::list(&heading(hits, one, many), &lines(hits, narration)));
        }
    }
    if open.is_empty() && closed.is_empty() {
        parts.push(format!("There are no missions at “{address}”{}.", among(narration)));
    }
    Ok(parts.join("\n\n"))
}

/// One search, and the sentence about it.
pub(super) struct Look<'a> {
    pub(super) set: Set,
    pub(super) when: Option<&'a When>,
    pub(super) whose: &'a Whose,
    pub(super) place: Option<&'a str>,
    pub(super) topics: &'a [String],
}

impl Look<'_> {
    pub(super) async fn answer(&self, narration: &Narration<'_>) -> Result<String, ToolError> {
        if *self.whose == Whose::Mine && narration.asker.viewer.staff.is_none() {
            return Ok("I cannot tell which missions are yours: you are not signed in as a member of staff.".to_owned());
        }
        let args = self.args(narration);
        let found = search(narration, &args).await?;
        if !found.items.is_empty() {
            return Ok(self.said(&found, narration));
        }
        let nothing = self.nothing(narration);
        if !self.topics.is_empty() {
            return self.without_topics(narration, &args, nothing).await;
        }
        match self.place {
            Some(place) => self.elsewhere(narration, place, nothing).await,
            None => Ok(nothing),
        }
    }

    fn args(&self, narration: &Narration<'_>) -> MissionArgs {
        let span = self.when.map(|when| span(narration, when));
        let mut args = MissionArgs {
            address: self.place.map(str::to_owned),
            words: (!self.topics.is_empty())
                .then(|| self.topics.iter().map(|topic| stem(topic)).collect::<Vec<_>>().join(" ")),
            limit: Some(MOST_ROWS),
            ..MissionArgs::default()
        };
        match self.whose {
            Whose::Anybodys => {}
            Whose::Mine => args.assigned_to = Some("me".to_owned()),
            Whose::Staff(id, _) => args.assigned_to = Some(id.0.clone()),
            Whose::Realtor(id, _) => args.realtor_id = Some(id.0.clone()),
        }
        match self.set {
            Set::Open => args.statuses = OPEN.to_vec(),
            Set::Overdue => {
                args.statuses = OPEN.to_vec();
                args.due = Some(SpanArgs { from: None, to: Some(instant(narration.wall.now)) });
            }
            Set::Due => {
                args.statuses = OPEN.to_vec();
                args.due = Some(span.unwrap_or_default());
            }
            Set::Unclaimed => {
                args.statuses = vec![StatusArg::Active, StatusArg::NeedsInfo];
                args.assigned_to.get_or_insert_with(|| "nobody".to_owned());
            }
            Set::Claimed if span.is_some() || !matches!(self.whose, Whose::Anybodys) => {
                args.claimed = Some(span.unwrap_or_default());
            }
            Set::Claimed => args.statuses = vec![StatusArg::Claimed, StatusArg::InProgress],
            Set::InProgress => args.statuses = vec![StatusArg::Claimed, StatusArg::InProgress],
            Set::Done => {
                args.statuses = vec![StatusArg::Done];
                args.completed = span;
            }
            Set::Made => args.created = Some(span.unwrap_or_else(|| self.lately(narration))),
            Set::Cancelled => args.statuses = vec![StatusArg::Cancelled],
            Set::Failed => args.statuses = vec![StatusArg::Failed],
            Set::NeedsInfo => args.statuses = vec![StatusArg::NeedsInfo],
            Set::Any => args.due = span,
        }
        args
    }

    /// What is new without saying since when: the last seven days.
    fn lately(&self, narration: &Narration<'_>) -> SpanArgs {
        let today = narration.wall.today();
        let from = today.saturating_sub(time::Duration::days(6));
        span(narration, &When { from: Some(from), to: Some(today), said: String::new() })
    }

    /// "3 missions are open on 12 Elm:", with one line for each.
    fn said(&self, found: &Found<MissionHit>, narration: &Narration<'_>) -> String {
        let mut hits: Vec<MissionHit> = found.items.clone();
        if self.set == Set::Any {
            hits.sort_by_key(|hit| hit.mission.status.is_final());
        }
        let count = |one: &str, many: &str| prose::counted(hits.len(), found.more, one, many);
        let heading =
            self.sentence(&count(&self.noun("mission"), &self.noun("missions")), hits.len() == 1 && !found.more);
        let heading =
            format!("**{}{}**", who_has_it(self.set, &hits, found.more), prose::sentence(&format!("{heading}:")));
        let mut text = prose::list(&heading, &lines(&hits, narration));
        if let Some(several) = several_places(self.place, &hits) {
            text.push_str(&several);
        }
        text
    }

    fn noun(&self, mission: &str) -> String {
        match self.set {
            Set::Open if !matches!(self.whose, Whose::Anybodys) => format!("open {mission}"),
            Set::Overdue if !matches!(self.whose, Whose::Anybodys) => format!("overdue {mission}"),
            Set::Unclaimed if !matches!(self.whose, Whose::Anybodys) => format!("unclaimed {mission}"),
            Set::Cancelled if !matches!(self.whose, Whose::Anybodys) => format!("cancelled {mission}"),
            Set::Failed if !matches!(self.whose, Whose::Anybodys) => format!("failed {mission}"),
            _ => mission.to_owned(),
        }
    }

    /// `counted` missions, and what is so about them.
    fn sentence(&self, counted: &str, single: bool) -> String {
        let be = if single { "is" } else { "are" };
        let day = self.when.map(|when| format!(" {}", when.said)).unwrap_or_default();
        let rest = self.rest();
        let owner = match self.whose {
            Whose::Anybodys => None,
            Whose::Mine => Some(("you".to_owned(), "have")),
            Whose::Staff(_, name) => Some((name.clone(), "has")),
            Whose::Realtor(_, name) => Some((format!("{name} (realtor)"), "has")),
        };
        let is_staff = matches!(self.whose, Whose::Mine | Whose::Staff(..));
        match (self.set, owner) {
            (Set::Claimed, Some((who, _))) if is_staff => format!("{who} claimed {counted}{day}{rest}"),
            (Set::Done, Some((who, _))) if is_staff => format!("{who} completed {counted}{day}{rest}"),
            (Set::Claimed, Some((who, has))) => format!("{who} {has} {counted} claimed{day}{rest}"),
            (Set::Done, Some((who, has))) => format!("{who} {has} {counted} done{day}{rest}"),
            (Set::Due, Some((who, has))) => format!("{who} {has} {counted} due{day}{rest}"),
            (Set::Made, Some((who, has))) => format!("{who} {has} {counted} made{}{rest}", self.made(&day)),
            (Set::InProgress, Some((who, has))) => format!("{who} {has} {counted} claimed or in progress{rest}"),
            (Set::NeedsInfo, Some((who, has))) => format!("{who} {has} {counted} waiting for information{rest}"),
            (_, Some((who, has))) => format!("{who} {has} {counted}{rest}"),
            (Set::Any, None) => format!(
                "there {be} {counted}{}{rest}",
                if day.is_empty() { String::new() } else { format!(" due{day}") }
            ),
            (set, None) => format!("{counted} {}{rest}", self.predicate(set, be, &day)),
        }
    }

    fn made(&self, day: &str) -> String {
        if day.is_empty() { " in the last 7 days".to_owned() } else { day.to_owned() }
    }

    fn predicate(&self, set: Set, be: &str, day: &str) -> String {
        let were = if be == "is" { "was" } else { "were" };
        match set {
            Set::Open | Set::Any => format!("{be} open"),
            Set::Overdue => format!("{be} overdue"),
            Set::Due => format!("{be} due{day}"),
            Set::Unclaimed => format!("{be} unclaimed"),
            Set::Claimed if day.is_empty() => format!("{be} claimed or in progress"),
            Set::Claimed => format!("{were} claimed{day}"),
            Set::InProgress => format!("{be} claimed or in progress"),
            Set::Done if day.is_empty() => format!("{be} done"),
            Set::Done => format!("{were} completed{day}"),
            Set::Made => format!("{were} made{}", self.made(day)),
            Set::Cancelled => format!("{be} cancelled"),
            Set::Failed => "failed".to_owned(),
            Set::NeedsInfo => format!("{be} waiting for information"),
        }
    }

    fn rest(&self) -> String {
        let place = self.place.map(|place| format!(" on “{place}”")).unwrap_or_default();
        let topics =
            if self.topics.is_empty() { String::new() } else { format!(" with “{}”", self.topics.join(" ")) };
        format!("{place}{topics}")
    }

    fn nothing(&self, narration: &Narration<'_>) -> String {
        let none = format!("no {}", self.noun("missions"));
        let said = self.sentence(&none, false);
        format!("{}{}.", prose::sentence(&said), among(narration))
    }

    /// Nothing with these words: what there is without them, and that it is so.
    async fn without_topics(
        &self,
        narration: &Narration<'_>,
        args: &MissionArgs,
        nothing: String,
    ) -> Result<String, ToolError> {
        let is_narrow = self.place.is_some() || !matches!(self.whose, Whose::Anybodys) || self.when.is_some();
        if !is_narrow {
            let any = MissionArgs { words: args.words.clone(), limit: Some(MOST_ROWS), ..MissionArgs::default() };
            return self.closed_ones(narration, &any, nothing).await;
        }
        let wider = Look { topics: &[], ..*self };
        let found = search(narration, &wider.args(narration)).await?;
        if found.items.is_empty() {
            let more = match self.place {
                Some(place) => wider.elsewhere(narration, place, wider.nothing(narration)).await?,
                None => wider.nothing(narration),
            };
            return Ok(format!("{nothing} {more}"));
        }
        Ok(format!("{nothing} Without these words:\n\n{}", wider.said(&found, narration)))
    }

    /// Nothing of this kind at this place: whether anything else is there, or nothing at all is known of it.
    async fn elsewhere(&self, narration: &Narration<'_>, place: &str, nothing: String) -> Result<String, ToolError> {
        let any = MissionArgs { address: Some(place.to_owned()), limit: Some(MOST_ROWS), ..MissionArgs::default() };
        let found = search(narration, &any).await?;
        if !found.items.is_empty() {
            let heading = match self.set {
                Set::Open | Set::Any if matches!(self.whose, Whose::Anybodys) => "All missions there are closed:",
                _ => "Other missions there:",
            };
            return Ok(format!("{nothing} {}", prose::list(heading, &lines(&found.items, narration))));
        }
        let listings = ListingArgs { address: Some(place.to_owned()), limit: Some(5), ..ListingArgs::default() };
        match call(narration, "search_listings", &listings).await? {
            Harvest::Listings(found) if !found.items.is_empty() => {
                let known: Vec<String> =
                    found.items.iter().map(|hit| super::work::listing_line(hit, narration.wall)).collect();
                Ok(format!("{nothing} {}", known.join(" ")))
            }
            _ => Ok(format!("{nothing} I know no listing and no other mission at “{place}” either.")),
        }
    }

    async fn closed_ones(
        &self,
        narration: &Narration<'_>,
        any: &MissionArgs,
        nothing: String,
    ) -> Result<String, ToolError> {
        let found = search(narration, any).await?;
        if found.items.is_empty() || self.set == Set::Any {
            return Ok(format!("{nothing} I looked for these words in the titles and descriptions of all missions."));
        }
        Ok(format!("{nothing} {}", prose::list("Others with these words:", &lines(&found.items, narration))))
    }
}

/// "Who has it?", where it is one.
fn who_has_it(set: Set, hits: &[MissionHit], more: bool) -> String {
    match hits {
        [hit] if set == Set::Any && !more && !hit.mission.status.is_final() => match &hit.assignee {
            Some(name) => format!("{} has it. ", prose::quoted(name)),
            None if hit.mission.assigned_to.is_none() => "Nobody has it yet. ".to_owned(),
            None => String::new(),
        },
        _ => String::new(),
    }
}

/// Whether what was found lies at several addresses, although one was asked for.
fn several_places(place: Option<&str>, hits: &[MissionHit]) -> Option<String> {
    let place = place?;
    let mut all: Vec<String> = hits.iter().filter_map(|hit| hit.address.clone()).collect();
    all.sort();
    all.dedup();
    (all.len() > 1).then(|| {
        let all: Vec<String> = all.iter().map(|address| prose::quoted(address)).collect();
        format!("\n\n“{place}” fits several addresses: {}.", prose::listed(&all, "and"))
    })
}

fn lines(hits: &[MissionHit], narration: &Narration<'_>) -> Vec<String> {
    hits.iter().map(|hit| prose::mission(hit, narration.wall)).collect()
}

/// A reminder that some are hidden from whoever asks.
fn among(narration: &Narration<'_>) -> &'static str {
    if narration.asker.viewer.sight.is_all() { "" } else { ", among the missions that you may see" }
}

/// "photos" finds "photo".
fn stem(word: &str) -> String {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 3 && !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}

pub(super) async fn search(narration: &Narration<'_>, args: &MissionArgs) -> Result<Found<MissionHit>, ToolError> {
    match call(narration, "search_missions", args).await? {
        Harvest::Missions(found) => Ok(found),
        _ => Ok(Found { items: Vec::new(), more: false }),
    }
}

pub(super) async fn call<T: serde::Serialize>(
    narration: &Narration<'_>,
    name: &str,
    args: &T,
) -> Result<Harvest, ToolError> {
    let arguments = serde_json::to_value(args).map_err(|error| ToolError::invalid(error.to_string()))?;
    narration.call(name, &arguments).await
}
