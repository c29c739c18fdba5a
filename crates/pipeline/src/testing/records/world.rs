//! A small brokerage, for tests of searches and of answers. Everything is invented.

use crate::ports::records::{DeliveryHit, HeldHit, ListingHit, MissionHit, PersonHit, SignalHit};
use dispatch_mission::ids::{
    ClassificationId, DeliveryId, DispatchId, ListingId, MissionId, RealtorId, SignalId, StaffId, UnitId,
};
use dispatch_mission::mission::{Mission, MissionKind, Visibility};
use dispatch_mission::people::StaffRole;
use dispatch_mission::signal::Source;
use dispatch_mission::status::MissionStatus;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The moment in which it is looked at: Monday noon in Toronto.
pub const NOW: OffsetDateTime = datetime!(2026-11-23 17:00 UTC);

/// Somebody, and whether they still work here.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct KnownPerson {
    pub hit: PersonHit,
    pub works_here: bool,
}

/// All of it. Rows that must never be found are in it too.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct World {
    pub people: Vec<KnownPerson>,
    /// With the realtor's id.
    pub listings: Vec<(ListingHit, Option<RealtorId>)>,
    pub missions: Vec<MissionHit>,
    /// With the Slack account or the number of whoever wrote it.
    pub signals: Vec<(SignalHit, String)>,
    pub held: Vec<HeldHit>,
    pub deliveries: Vec<DeliveryHit>,
}

/// The Slack account of somebody.
#[must_use]
pub fn account_of(id: &str) -> String {
    format!("U-{id}")
}

fn hours(count: i64) -> OffsetDateTime {
    NOW + Duration::hours(count)
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_5000_0000_7000_8000_0000_0000_0000 + n)
}

/// An id that was minted then.
fn timed(at: OffsetDateTime, n: u128) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp()).unwrap_or_default() * 1000;
    Uuid::from_u128((millis << 80) + 0x7000_8000_0000_0000_0000 + n)
}

fn staff(id: &str, name: &str, role: StaffRole) -> KnownPerson {
    let hit = PersonHit::Staff { staff_id: StaffId(id.into()), name: name.into(), role: Some(role) };
    KnownPerson { hit, works_here: true }
}

fn realtor(id: &str, name: &str) -> KnownPerson {
    KnownPerson { hit: PersonHit::Realtor { realtor_id: RealtorId(id.into()), name: name.into() }, works_here: true }
}

fn listing(
    id: &str,
    address: &str,
    status: &str,
    realtor: Option<(&str, &str)>,
    open: u32,
) -> (ListingHit, Option<RealtorId>) {
    let hit = ListingHit {
        listing_id: ListingId(id.into()),
        address: Some(address.into()),
        status: status.into(),
        kind: Some("SALE".into()),
        realtor: realtor.map(|(_, name)| name.into()),
        due_at: None,
        open_missions: open,
    };
    (hit, realtor.map(|(id, _)| RealtorId(id.into())))
}

fn mission(id: &str, title: &str, status: MissionStatus, change: impl FnOnce(&mut MissionHit)) -> MissionHit {
    let mission = Mission {
        mission_id: MissionId(id.into()),
        kind: MissionKind::AgentTask,
        mission_type: None,
        status,
        title: title.into(),
        description: None,
        realtor_id: None,
        listing_id: None,
        priority: 0,
        visibility: None,
        assigned_to: None,
        due_at: None,
        claimed_at: None,
        completed_at: None,
        created_at: hours(-240),
        updated_at: hours(-240),
        deleted_at: None,
        deleted_by: None,
        version: 1,
        confidence: None,
        routing_decision: None,
        incomplete: None,
    };
    let mut hit = MissionHit { mission, address: None, assignee: None, realtor: None };
    change(&mut hit);
    hit
}

fn on(hit: &mut MissionHit, listing: &str, address: &str, group: Visibility) {
    hit.mission.kind = MissionKind::Activity;
    hit.mission.listing_id = Some(ListingId(listing.into()));
    hit.mission.visibility = Some(group);
    hit.address = Some(address.into());
}

fn of(hit: &mut MissionHit, id: &str, name: &str, claimed: i64) {
    hit.mission.assigned_to = Some(StaffId(id.into()));
    hit.mission.claimed_at = Some(hours(claimed));
    hit.assignee = Some(name.into());
}

/// The brokerage.
#[must_use]
pub fn world() -> World {
    World {
        people: people(),
        listings: listings(),
        missions: missions(),
        signals: signals(),
        held: held(),
        deliveries: deliveries(),
    }
}

fn people() -> Vec<KnownPerson> {
    let mut gone = staff("staff-gone", "Sam Gone", StaffRole::Support);
    gone.works_here = false;
    vec![
        staff("staff-sam", "Sam Whitfield", StaffRole::Admin),
        staff("staff-samira", "Samira Noor", StaffRole::Marketing),
        staff("staff-priya", "Priya Raman", StaffRole::Operations),
        staff("staff-alex-b", "Alex Brandt", StaffRole::Operations),
        staff("staff-alex-c", "Alex Cole", StaffRole::Support),
        gone,
        realtor("realtor-amelia", "Amelia Hart"),
        realtor("realtor-daniel", "Daniel Cho"),
    ]
}

fn listings() -> Vec<(ListingHit, Option<RealtorId>)> {
    let amelia = Some(("realtor-amelia", "Amelia Hart"));
    vec![
        listing("listing-elm", "12 Elm Street, Toronto", "in_progress", amelia, 4),
        listing("listing-112", "112 Elm St", "new", Some(("realtor-daniel", "Daniel Cho")), 1),
        listing("listing-elm-ave", "12 Elm Avenue", "new", None, 1),
        listing("listing-birch", "44 Birch Road", "completed", amelia, 1),
        listing("listing-oak", "9 Oak_Tree 100% Lane", "new", None, 0),
    ]
}

fn missions() -> Vec<MissionHit> {
    use MissionStatus::{Active, Cancelled, Claimed, Done, Failed, InProgress, NeedsInfo};
    let elm = |hit: &mut MissionHit, group| on(hit, "listing-elm", "12 Elm Street, Toronto", group);
    vec![
        mission("m-photos", "Take listing photos", Claimed, |hit| {
            elm(hit, Visibility::Both);
            of(hit, "staff-sam", "Sam Whitfield", -2);
            hit.mission.due_at = Some(hours(-1));
        }),
        mission("m-mls", "Create MLS listing", Active, |hit| {
            elm(hit, Visibility::Agent);
            hit.mission.due_at = Some(hours(5));
        }),
        mission("m-flyer", "Design a flyer", InProgress, |hit| {
            elm(hit, Visibility::Marketing);
            of(hit, "staff-samira", "Samira Noor", -30);
        }),
        mission("m-elm-done", "Order yard sign", Done, |hit| {
            elm(hit, Visibility::Both);
            of(hit, "staff-sam", "Sam Whitfield", -20);
            hit.mission.completed_at = Some(hours(-3));
        }),
        mission("m-elm-text", "Call the lawyer about 12 elm st.", NeedsInfo, |hit| {
            hit.mission.due_at = Some(hours(96));
        }),
        mission("m-112", "Take listing photos", Active, |hit| on(hit, "listing-112", "112 Elm St", Visibility::Both)),
        mission("m-ave", "Stage the living room", Active, |hit| {
            on(hit, "listing-elm-ave", "12 Elm Avenue", Visibility::Both);
        }),
        mission("m-lockbox", "Install lockbox", Claimed, |hit| {
            on(hit, "listing-birch", "44 Birch Road", Visibility::Both);
            of(hit, "staff-priya", "Priya Raman", -24);
            hit.mission.realtor_id = Some(RealtorId("realtor-amelia".into()));
            hit.realtor = Some("Amelia Hart".into());
            hit.mission.due_at = Some(hours(28));
        }),
        mission("m-cafe", "Book the Café for Zoë", Active, |hit| {
            hit.mission.description = Some("100% sure_thing".into());
            hit.mission.created_at = hours(-1);
        }),
        mission("m-failed", "Get the condo documents", Failed, |hit| {
            of(hit, "staff-priya", "Priya Raman", -50);
        }),
        mission("m-cancelled", "Rent furniture", Cancelled, |_| {}),
        mission("m-deleted", "Take photos of nothing", Active, |hit| hit.mission.deleted_at = Some(hours(-1))),
    ]
}

fn signals() -> Vec<(SignalHit, String)> {
    let signal = |n: u128, hour: i64, source: Source, text: &str, author: Option<(&str, &str)>| {
        let hit = SignalHit {
            signal_id: SignalId(timed(hours(hour), n)),
            unit_id: Some(UnitId(uuid(100 + n))),
            source,
            received_at: hours(hour),
            state: ["done", "held", "dead"][usize::try_from(n - 1).unwrap_or_default()].into(),
            excerpt: text.into(),
            author: author.map(|(_, name)| name.into()),
        };
        (hit, author.map_or_else(|| "U-stranger".to_owned(), |(id, _)| account_of(id)))
    };
    vec![
        signal(
            1,
            -2,
            Source::Slack,
            "Please book the photographer for 12 Elm St",
            Some(("realtor-amelia", "Amelia Hart")),
        ),
        signal(2, -26, Source::Slack, "maybe something with Birch?", Some(("staff-samira", "Samira Noor"))),
        signal(3, -1, Source::Sms, "LOCKBOX code 100% wrong", None),
    ]
}

fn held() -> Vec<HeldHit> {
    vec![HeldHit {
        unit_id: UnitId(uuid(102)),
        reason: "below_threshold".into(),
        rule: Some("below_threshold".into()),
        held_since: hours(-26),
        classification_id: Some(ClassificationId(uuid(202))),
        message_type: Some("STRAY".into()),
        key: Some("OPS_MISC_TASK".into()),
        confidence: Some(0.43),
        explanations: vec!["no clear request".into()],
        excerpt: "maybe something with Birch?".into(),
    }]
}

fn deliveries() -> Vec<DeliveryHit> {
    let delivery = |n: u128, unit: u128, kind: &str, state: &str, reason: Option<&str>, hour: i64| DeliveryHit {
        delivery_id: DeliveryId(uuid(300 + n)),
        dispatch_id: DispatchId(uuid(400 + unit)),
        unit_id: UnitId(uuid(100 + unit)),
        kind: kind.into(),
        state: state.into(),
        reason: reason.map(str::to_owned),
        attempts: u32::from(state != "pending"),
        created_at: hours(hour),
        next_attempt_at: (state == "pending").then(|| hours(1)),
    };
    vec![
        delivery(1, 1, "storage", "delivered", None, -2),
        delivery(2, 1, "slack", "delivered", None, -2),
        delivery(3, 3, "storage", "delivered", None, -1),
        delivery(4, 3, "sms", "exhausted", Some("http_503"), -1),
    ]
}
