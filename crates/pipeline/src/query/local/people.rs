//! Who is meant by a name. Two who are called so are both meant, and that is said; somebody unknown is nobody. Must not know what
//! is asked about them.

use super::intent::{Asked, Name};
use super::prose;
use super::vocabulary;
use crate::ports::records::{Found, PersonHit};
use crate::query::narration::Narration;
use crate::query::toolbox::{Harvest, ToolError};
use dispatch_mission::ids::{RealtorId, StaffId};
use serde_json::json;

/// With more people of one name than this, nobody is answered about: it is asked back.
const MOST_MEANT: usize = 4;

/// Whose missions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    Anybodys,
    /// Of whoever asks.
    Mine,
    Staff(StaffId, String),
    Realtor(RealtorId, String),
}

/// What the free words of a question turned out to be.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Meant {
    pub(super) people: Vec<PersonHit>,
    /// Names that nobody has.
    pub(super) strangers: Vec<String>,
    /// Words that are no name after all.
    pub(super) topics: Vec<String>,
    /// A word that stands where a place does.
    pub(super) place: Option<String>,
    /// What has to be said about it first.
    pub(super) note: Option<String>,
    /// So many have the name that it has to be asked back.
    pub(super) too_many: bool,
}

/// Looks up everybody whom `asked` may name.
pub(super) async fn meant(narration: &Narration<'_>, asked: &Asked) -> Result<Meant, ToolError> {
    let mut meant = Meant { topics: asked.topics.clone(), place: asked.address.clone(), ..Meant::default() };
    for name in &asked.names {
        let found = find(narration, &name.text).await?;
        if found.is_empty() && name.text.contains(' ') {
            // "sam lockbox": somebody, and something.
            for word in name.text.split(' ') {
                let part = Name { text: word.to_owned(), ..name.clone() };
                let found = if vocabulary::is_topic(word) { Vec::new() } else { find(narration, word).await? };
                take(&mut meant, &part, found);
            }
        } else {
            take(&mut meant, name, found);
        }
    }
    Ok(meant)
}

async fn find(narration: &Narration<'_>, name: &str) -> Result<Vec<PersonHit>, ToolError> {
    match narration.call("find_people", &json!({ "name": name })).await? {
        Harvest::People(Found { items, .. }) => Ok(nearest(name, items)),
        _ => Ok(Vec::new()),
    }
}

/// Those who have these very words in their name; only where nobody has, those whose name begins so.
fn nearest(asked: &str, found: Vec<PersonHit>) -> Vec<PersonHit> {
    let has_all = |hit: &PersonHit| {
        let name = name_of(hit).to_lowercase();
        asked.split(' ').all(|word| name.split(|c: char| !c.is_alphanumeric()).any(|part| part == word.to_lowercase()))
    };
    let exact: Vec<PersonHit> = found.iter().filter(|hit| has_all(hit)).cloned().collect();
    if exact.is_empty() { found } else { exact }
}

fn take(meant: &mut Meant, name: &Name, found: Vec<PersonHit>) {
    match found.len() {
        0 if name.place && meant.place.is_none() && !name.sure => meant.place = Some(name.text.clone()),
        0 if name.sure => meant.strangers.push(name.text.clone()),
        0 => meant.topics.extend(name.text.split(' ').map(str::to_owned)),
        1 => meant.people.extend(found),
        many => {
            let all = prose::listed(&found.iter().map(described).collect::<Vec<_>>(), "or");
            meant.too_many |= many > MOST_MEANT;
            let what = if many > MOST_MEANT { "Who is meant?" } else { "Here is what I know for each." };
            meant.note = Some(format!("“{}” may be {all}. {what}", name.text));
            meant.people.extend(found);
        }
    }
}

impl Meant {
    /// What has to be said instead of an answer.
    pub(super) fn instead(&self) -> Option<String> {
        if self.too_many {
            return self.note.clone();
        }
        let stranger = self.strangers.first()?;
        Some(format!("I know nobody called “{stranger}”: no active member of staff and no realtor has that name."))
    }

    /// Whose missions are asked for.
    pub(super) fn whose(&self, asked: &Asked) -> Vec<Whose> {
        if !self.people.is_empty() {
            return self.people.iter().map(whose).collect();
        }
        vec![if asked.me { Whose::Mine } else { Whose::Anybodys }]
    }
}

fn whose(hit: &PersonHit) -> Whose {
    match hit {
        PersonHit::Staff { staff_id, name, .. } => Whose::Staff(staff_id.clone(), name.clone()),
        PersonHit::Realtor { realtor_id, name } => Whose::Realtor(realtor_id.clone(), name.clone()),
    }
}

pub(super) fn name_of(hit: &PersonHit) -> &str {
    match hit {
        PersonHit::Staff { name, .. } | PersonHit::Realtor { name, .. } => name,
    }
}

fn described(hit: &PersonHit) -> String {
    match hit {
        PersonHit::Staff { staff_id, name, role } => {
            let role = role.map_or("staff", dispatch_mission::people::StaffRole::as_str);
            format!("{name} ({role}, `{staff_id}`)")
        }
        PersonHit::Realtor { realtor_id, name } => format!("{name} (realtor, `{realtor_id}`)"),
    }
}

/// "Who is Sam?"
pub(super) async fn who(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let mut lines = Vec::new();
    for name in &asked.names {
        let found = find(narration, &name.text).await?;
        if found.is_empty() {
            lines.push(format!(
                "I know nobody called “{}”: no active member of staff and no realtor has that name.",
                name.text
            ));
        }
        for hit in found {
            lines.push(match &hit {
                PersonHit::Staff { staff_id, name, role } => {
                    let role = role.map(|role| format!(" ({})", role.as_str())).unwrap_or_default();
                    format!("**{name}** is a member of staff{role} (`{staff_id}`).")
                }
                PersonHit::Realtor { realtor_id, name } => format!("**{name}** is a realtor (`{realtor_id}`)."),
            });
        }
    }
    if lines.is_empty() {
        return Ok(prose::not_understood());
    }
    lines.push("Phone numbers and e-mail addresses are not shown here.".to_owned());
    if lines.len() > 2 {
        return Ok(lines.iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n"));
    }
    Ok(lines.join(" "))
}
