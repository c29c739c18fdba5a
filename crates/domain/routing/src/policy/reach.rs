//! Which rules can never speak, because earlier ones take everything they ask for. Exact: whatever a rule could be tried on
//! is divided into cells that no rule tells apart, and what earlier rules take is taken away. Must not know what rules do.

use super::condition::{Band, Bound, Condition, Hours};
use super::rule::{Action, Rule, Rules};
use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::signal::Source;
use std::collections::BTreeSet;
use std::fmt;

/// More pieces than this are not followed: then it is said that nobody can tell.
pub(super) const MOST_PIECES: usize = 5_000;

/// What is questionable about a policy that is valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// The rule it is about.
    pub rule: String,
    /// The line that rule begins at; 0 for one of the built-in policy that a file left as it is.
    pub line: usize,
    /// What it is.
    pub doubt: Doubt,
}

/// What may be wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// It never speaks: these earlier rules take all that it asks for; the first one alone, where one does.
    Shadowed(Vec<String>),
    /// It never speaks: its conditions contradict each other.
    Contradiction,
    /// It only holds: it asks for less confidence than it acts from.
    NeverSure,
    /// There are too many overlapping rules to tell whether it ever speaks.
    Unknown,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.rule;
        match &self.doubt {
            Doubt::Shadowed(by) if by.len() == 1 => {
                write!(f, "rule `{name}` never matches: the earlier rule `{}` takes everything it asks for", by[0])
            }
            Doubt::Shadowed(by) => {
                let by = by.join("`, `");
                write!(f, "rule `{name}` never matches: the earlier rules `{by}` together take everything it asks for")
            }
            Doubt::Contradiction => write!(f, "rule `{name}` never matches: its conditions contradict each other"),
            Doubt::NeverSure => {
                write!(
                    f,
                    "rule `{name}` only ever holds: it asks for less confidence than it acts from; give it a `threshold`"
                )
            }
            Doubt::Unknown => write!(f, "rule `{name}` may never match: too many rules overlap to tell"),
        }
    }
}

/// What is questionable about these rules, where the policy's threshold is `threshold`; no more than `most` pieces are
/// followed.
pub(super) fn warnings(rules: &Rules, threshold: f32, most: usize) -> Vec<Warning> {
    let grid = Grid::of(rules, threshold);
    let mut before: Vec<(&Rule, Region)> = Vec::new();
    let mut warnings = Vec::new();
    for rule in rules.iter() {
        let region = grid.region(rule);
        let doubt = unreachable(&grid, &region, &before, most)
            .or_else(|| never_sure(rule, threshold).then_some(Doubt::NeverSure));
        warnings.extend(doubt.map(|doubt| Warning { rule: rule.name.clone(), line: rule.line, doubt }));
        before.push((rule, region));
    }
    warnings
}

fn never_sure(rule: &Rule, default: f32) -> bool {
    let Action::Send { threshold, .. } = &rule.action else { return false };
    rule.below(default).is_some_and(|end| end <= threshold.unwrap_or(default))
}

fn unreachable(grid: &Grid, region: &Region, before: &[(&Rule, Region)], most: usize) -> Option<Doubt> {
    let mut left = grid.possible(region);
    if left.is_empty() {
        return Some(Doubt::Contradiction);
    }
    let takes_all = |(_, other): &&(&Rule, Region)| left.iter().all(|piece| piece.is_within(other));
    if let Some((alone, _)) = before.iter().find(takes_all) {
        return Some(Doubt::Shadowed(vec![alone.name.clone()]));
    }
    let mut by = Vec::new();
    for (rule, other) in before {
        if left.iter().any(|piece| piece.meets(other)) {
            by.push(rule.name.clone());
            left = left.into_iter().flat_map(|piece| piece.without(other)).collect();
        }
        if left.len() > most {
            return Some(Doubt::Unknown);
        }
    }
    left.is_empty().then_some(Doubt::Shadowed(by))
}

/// The sides of a cell: meaning, confidence, source, workspace, channel, author, minute of the day, weekday, files.
const SIDES: usize = 9;

/// On each side, the cells it has.
#[derive(Clone)]
struct Region([BTreeSet<usize>; SIDES]);

impl Region {
    fn is_empty(&self) -> bool {
        self.0.iter().any(BTreeSet::is_empty)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(ours, theirs)| ours.is_subset(theirs))
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(ours, theirs)| !ours.is_disjoint(theirs))
    }

    fn both(mut self, other: &Self) -> Self {
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            ours.retain(|cell| theirs.contains(cell));
        }
        self
    }

    /// What is left of it, in pieces that do not overlap.
    fn without(mut self, other: &Self) -> Vec<Self> {
        if !self.meets(other) {
            return vec![self];
        }
        let mut pieces = Vec::new();
        for side in 0..SIDES {
            let (inside, outside): (BTreeSet<_>, BTreeSet<_>) =
                self.0[side].iter().partition(|cell| other.0[side].contains(cell));
            if !outside.is_empty() {
                let mut piece = self.clone();
                piece.0[side] = outside;
                pieces.push(piece);
            }
            self.0[side] = inside;
        }
        pieces
    }
}

/// Where the rules cut each side.
struct Grid {
    threshold: f32,
    meanings: Vec<Meaning>,
    /// Where a cell of confidences begins, ascending.
    confidences: Vec<f32>,
    workspaces: Vec<String>,
    channels: Vec<String>,
    authors: Vec<String>,
    /// Where a cell of minutes begins, ascending.
    minutes: Vec<u16>,
}

const SOURCES: [Source; 2] = [Source::Slack, Source::Sms];
/// No files, files with words, files alone.
const FILES: usize = 3;

impl Grid {
    fn of(rules: &Rules, threshold: f32) -> Self {
        let conditions = || rules.iter().flat_map(|rule| &rule.when);
        let names = |of: fn(&Condition) -> Option<&Vec<String>>| {
            conditions().filter_map(of).flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let bands =
            conditions().filter_map(|one| if let Condition::Confidence(band) = one { Some(*band) } else { None });
        let ends = bands.flat_map(|Band { at_least, below }| [at_least, below]).flatten().map(|end| end.get(threshold));
        // Nothing is surer than 1, so that no cell begins above it; one that begins at 1 holds what is quite sure.
        let mut confidences: Vec<_> = ends.chain([0.0]).collect();
        confidences.sort_by(f32::total_cmp);
        confidences.dedup();
        let hours = conditions().filter_map(|one| if let Condition::Time(hours) = one { Some(hours) } else { None });
        let edges = hours.flatten().flat_map(|hours| [hours.from, hours.until]).filter(|minute| *minute < 24 * 60);
        Self {
            threshold,
            meanings: meanings(),
            confidences,
            workspaces: names(|one| if let Condition::Workspace(names) = one { Some(names) } else { None }),
            channels: names(|one| if let Condition::Channel(names) = one { Some(names) } else { None }),
            authors: names(|one| if let Condition::Author(names) = one { Some(names) } else { None }),
            minutes: edges.chain([0]).collect::<BTreeSet<_>>().into_iter().collect(),
        }
    }

    /// Everything: of names, one more cell for whoever has none of them.
    fn everything(&self) -> Region {
        Region(
            [
                self.meanings.len(),
                self.confidences.len(),
                SOURCES.len() + 1,
                self.workspaces.len() + 1,
                self.channels.len() + 1,
                self.authors.len() + 1,
                self.minutes.len(),
                7,
                FILES,
            ]
            .map(|cells| (0..cells).collect()),
        )
    }

    /// What a rule asks for.
    fn region(&self, rule: &Rule) -> Region {
        rule.when.iter().fold(self.everything(), |region, condition| region.both(&self.asked(condition)))
    }

    fn asked(&self, condition: &Condition) -> Region {
        let (side, cells) = match condition {
            Condition::Type(types) => (0, cells(&self.meanings, |one| types.contains(&one.message_type()))),
            Condition::Key(keys) => (0, cells(&self.meanings, |one| keys.contains(one))),
            Condition::Confidence(band) => {
                let is_past = |end: Option<Bound>, from: f32| end.is_some_and(|end| from >= end.get(self.threshold));
                let starts = |from: &f32| {
                    band.at_least.is_none_or(|_| is_past(band.at_least, *from)) && !is_past(band.below, *from)
                };
                (1, cells(&self.confidences, starts))
            }
            Condition::Source(sources) => (2, cells(&SOURCES, |one| sources.contains(one))),
            Condition::Workspace(names) => (3, cells(&self.workspaces, |one| names.contains(one))),
            Condition::Channel(names) => (4, cells(&self.channels, |one| names.contains(one))),
            Condition::Author(names) => (5, cells(&self.authors, |one| names.contains(one))),
            Condition::Time(hours) => {
                (6, cells(&self.minutes, |minute| hours.iter().any(|hours: &Hours| hours.include(*minute))))
            }
            Condition::Weekday(days) => {
                (7, days.iter().map(|day| usize::from(day.number_days_from_monday())).collect())
            }
            Condition::Wordless(true) => (8, [2].into()),
            Condition::Wordless(false) => (8, [0, 1].into()),
            Condition::Attachments(true) => (8, [1, 2].into()),
            Condition::Attachments(false) => (8, [0].into()),
        };
        let mut region = self.everything();
        region.0[side] = cells;
        region
    }

    /// What of a region there can be: of a text whose source is not known nobody knows where it was said, nor by whom.
    fn possible(&self, region: &Region) -> Vec<Region> {
        let (mut known, mut unknown) = (self.everything(), self.everything());
        known.0[2] = (0..SOURCES.len()).collect();
        unknown.0[2] = [SOURCES.len()].into();
        for (side, names) in [(3, &self.workspaces), (4, &self.channels), (5, &self.authors)] {
            unknown.0[side] = [names.len()].into();
        }
        [known, unknown].into_iter().map(|part| part.both(region)).filter(|part| !part.is_empty()).collect()
    }
}

fn cells<T>(all: &[T], wanted: impl Fn(&T) -> bool) -> BTreeSet<usize> {
    all.iter().enumerate().filter(|(_, one)| wanted(one)).map(|(at, _)| at).collect()
}

/// Everything that a message can mean.
fn meanings() -> Vec<Meaning> {
    let groups = GroupKey::ALL.into_iter().map(Meaning::Group);
    groups.chain(TaskKey::ALL.into_iter().map(Meaning::Stray)).chain([Meaning::InfoRequest, Meaning::Ignore]).collect()
}
