//! What becomes of each amendment, from what is known about its message and the message's unit. Pure: it reads and
//! writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::store::units::revise::Free;

/// How long a message is waited for that its amendment overtook: Slack's last repeat comes after five minutes.
const OVERTAKEN_FOR: Duration = Duration::from_secs(600);
/// How old a message may be for its edit to stand for it.
const STANDS_FOR: time::Duration = time::Duration::DAY;
/// When an amendment is looked at again whose unit or message is in somebody's hands.
const SOON: Duration = Duration::from_millis(500);
/// The longest pause between two looks for a message that was overtaken.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// An edit or a deletion that is due.
#[derive(Clone, Debug)]
pub(super) struct Amendment {
    pub(super) signal_id: Uuid,
    /// Content key of its message.
    pub(super) of: String,
    pub(super) is_deletion: bool,
    pub(super) text: String,
    pub(super) attachments: Option<Value>,
    pub(super) occurred_at: OffsetDateTime,
    /// When its message was written, where its name tells.
    pub(super) written_at: Option<OffsetDateTime>,
    /// How long it has been here.
    pub(super) age: Duration,
}

/// The message that an amendment is about, as it stands.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) signal_id: Uuid,
    pub(super) unit: Option<Uuid>,
    /// Due or a member of a unit; not when it was ignored or deleted.
    pub(super) counts: bool,
    pub(super) amended_at: Option<OffsetDateTime>,
    pub(super) text: String,
    pub(super) attachments: Option<Value>,
}

/// Everything that was found out, under locks.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By content key. A message in somebody else's hands is `None`.
    pub(super) originals: HashMap<String, Option<Original>>,
    /// Units that are ours to change; one that is not here is in somebody's hands.
    pub(super) units: HashMap<Uuid, Free>,
    /// Units whose work cannot be taken back now.
    pub(super) refused: HashSet<Uuid>,
    /// How many members units have.
    pub(super) members: HashMap<Uuid, i64>,
}

/// What becomes of an amendment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// It is looked at again after this long, for it waits for this.
    Waits(Duration, &'static str),
    /// It is the message itself, which never came.
    StandsForMessage,
    /// Nobody knows its message.
    Unknown,
    /// It is done, with this effect on this message and its unit.
    Applied { original: Uuid, unit: Option<Uuid>, effect: Effect },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Edited,
    Deleted,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// In the order of the amendments.
    pub(super) fates: Vec<Fate>,
    /// Messages that say something else now, by what they say.
    pub(super) rewritten: BTreeMap<Uuid, Original>,
    /// Messages that are gone.
    pub(super) deleted: BTreeSet<Uuid>,
    /// Units whose members changed while they were due.
    pub(super) touched: BTreeSet<Uuid>,
    /// Settled units whose members changed.
    pub(super) revised: BTreeSet<Uuid>,
    /// Units without any member left.
    pub(super) emptied: BTreeSet<Uuid>,
}

/// Judges `amendments`, the oldest change of a message first, and of the same time the first that came.
pub(super) fn judge(amendments: &[Amendment], known: &Known) -> Judgement {
    let mut judgement = Judgement::default();
    let mut originals = known.originals.clone();
    let mut members = known.members.clone();
    let mut stood_for = HashSet::new();
    for amendment in amendments {
        let fate = match originals.get_mut(&amendment.of) {
            None if stood_for.contains(&amendment.of) => Fate::Waits(SOON, "message"),
            None => overtook(amendment),
            Some(None) => Fate::Waits(SOON, "message"),
            Some(Some(original)) => apply(amendment, original, known, &mut members, &mut judgement),
        };
        if fate == Fate::StandsForMessage {
            stood_for.insert(amendment.of.clone());
        }
        judgement.fates.push(fate);
    }
    let emptied = &judgement.emptied;
    judgement.revised.retain(|unit| !emptied.contains(unit));
    judgement.touched.retain(|unit| !emptied.contains(unit));
    judgement
}

fn overtook(amendment: &Amendment) -> Fate {
    if amendment.age < OVERTAKEN_FOR {
        return Fate::Waits(amendment.age.clamp(Duration::from_secs(1), LONGEST_PAUSE), "message");
    }
    let is_young = amendment.written_at.is_some_and(|written_at| amendment.occurred_at - written_at <= STANDS_FOR);
    if is_young && !amendment.is_deletion { Fate::StandsForMessage } else { Fate::Unknown }
}

fn apply(
    amendment: &Amendment,
    original: &mut Original,
    known: &Known,
    members: &mut HashMap<Uuid, i64>,
    judgement: &mut Judgement,
) -> Fate {
    let fate =
        |original: &Original, effect| Fate::Applied { original: original.signal_id, unit: original.unit, effect };
    // Of several edits the latest counts, and of the same time the one that came later; a deletion is the last word,
    // whatever its clock says.
    let is_old = original.amended_at.is_some_and(|before| before > amendment.occurred_at);
    if !original.counts || (is_old && !amendment.is_deletion) {
        return fate(original, Effect::None);
    }
    let free = match original.unit.map(|unit| (unit, known.units.get(&unit))) {
        None => None,
        // Somebody may have to set the database right first.
        Some((unit, _)) if known.refused.contains(&unit) => {
            return Fate::Waits(amendment.age.clamp(SOON, LONGEST_PAUSE), "storage");
        }
        Some((_, None)) => return Fate::Waits(SOON, "unit"),
        Some((unit, Some(free))) => Some((unit, *free)),
    };
    let says_the_same = original.text == amendment.text && original.attachments == amendment.attachments;
    original.amended_at = Some(amendment.occurred_at);
    if amendment.is_deletion {
        original.counts = false;
        judgement.rewritten.remove(&original.signal_id);
        judgement.deleted.insert(original.signal_id);
    } else {
        original.text.clone_from(&amendment.text);
        original.attachments.clone_from(&amendment.attachments);
        judgement.rewritten.insert(original.signal_id, original.clone());
    }
    if let Some((unit, free)) = free.filter(|_| amendment.is_deletion || !says_the_same) {
        if free.pending { &mut judgement.touched } else { &mut judgement.revised }.insert(unit);
        let left = members.entry(unit).or_default();
        *left -= i64::from(amendment.is_deletion);
        if *left < 1 && amendment.is_deletion {
            judgement.emptied.insert(unit);
        }
    }
    fate(original, if amendment.is_deletion { Effect::Deleted } else { Effect::Edited })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn amendment(after: i64, age: u64, is_deletion: bool) -> Amendment {
        Amendment {
            signal_id: Uuid::now_v7(),
            of: "message".to_owned(),
            is_deletion,
            text: format!("edit {after}"),
            attachments: None,
            occurred_at: WRITTEN + time::Duration::seconds(after),
            written_at: Some(WRITTEN),
            age: Duration::from_secs(age),
        }
    }

    /// A message in a unit with `members`, which is settled, due, or in somebody's hands.
    fn known(members: i64, free: Option<bool>) -> (Known, Uuid) {
        let unit = Uuid::now_v7();
        let original = Original {
            signal_id: Uuid::now_v7(),
            unit: Some(unit),
            counts: true,
            amended_at: None,
            text: "said".to_owned(),
            attachments: None,
        };
        let mut known = Known { members: HashMap::from([(unit, members)]), ..Known::default() };
        known.originals.insert("message".to_owned(), Some(original));
        known.units.extend(free.map(|pending| (unit, Free { pending, revision: 3 })));
        (known, unit)
    }

    #[test]
    fn what_overtook_its_message_is_looked_at_more_and_more_seldom_and_then_stands_for_it() {
        let pause = |age| match judge(&[amendment(1, age, false)], &Known::default()).fates.remove(0) {
            Fate::Waits(pause, "message") => pause.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 4, 14, 16, 599].map(pause), [1, 1, 4, 14, 15, 15]);
        let fate = |after, is_deletion| judge(&[amendment(after, 600, is_deletion)], &Known::default()).fates.remove(0);
        assert_eq!(fate(86_400, false), Fate::StandsForMessage);
        assert_eq!(fate(86_401, false), Fate::Unknown);
        assert_eq!(fate(1, true), Fate::Unknown);
        let two = judge(&[amendment(1, 600, false), amendment(2, 600, false)], &Known::default()).fates;
        assert_eq!(two, [Fate::StandsForMessage, Fate::Waits(SOON, "message")], "one message, not two");
    }

    #[test]
    fn a_settled_unit_is_revised_a_due_one_changes_and_a_held_one_is_waited_for() {
        let edit = [amendment(1, 0, false)];
        let (settled, unit) = known(1, Some(false));
        let judged = judge(&edit, &settled);
        assert_eq!((judged.revised, judged.touched, judged.rewritten.len()), ([unit].into(), [].into(), 1));
        let (due, unit) = known(1, Some(true));
        let judged = judge(&edit, &due);
        assert_eq!((judged.revised, judged.touched), ([].into(), [unit].into()));
        let (mut held, unit) = known(1, None);
        let judged = judge(&edit, &held);
        assert_eq!((judged.fates.as_slice(), judged.rewritten.len()), (&[Fate::Waits(SOON, "unit")][..], 0));
        held.refused.insert(unit);
        let old = judge(&[amendment(1, 9, true)], &held);
        assert_eq!(old.fates, [Fate::Waits(Duration::from_secs(9), "storage")]);
    }

    #[test]
    fn the_last_deletion_empties_its_unit_and_nothing_comes_after_it() {
        let all = [amendment(1, 0, false), amendment(2, 0, true), amendment(3, 0, false)];
        let (alone, unit) = known(1, Some(false));
        let judged = judge(&all, &alone);
        assert_eq!((judged.emptied, judged.revised, judged.rewritten.len()), ([unit].into(), [].into(), 0));
        let effects: Vec<_> = judged
            .fates
            .iter()
            .map(|fate| match fate {
                Fate::Applied { effect, .. } => *effect,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(effects, [Effect::Edited, Effect::Deleted, Effect::None]);
        let (several, unit) = known(2, Some(false));
        let judged = judge(&all, &several);
        assert_eq!((judged.emptied, judged.revised), ([].into(), [unit].into()));
    }
}
