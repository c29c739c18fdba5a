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

/// Judges `amendments`, the oldest change of a message first.
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
    // Of several edits the latest counts; a deletion is the last word, whatever its clock says.
    let is_old = original.amended_at.is_some_and(|before| before >= amendment.occurred_at);
    if !original.counts || (is_old && !amendment.is_deletion) {
        return fate(original, Effect::None);
    }
    let free = match original.unit.map(|unit| (unit, known.units.get(&unit))) {
        None => None,
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
