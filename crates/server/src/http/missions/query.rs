//! The query string of `GET /missions`: repeated keys, commas, and every mistake named at once.

use super::cursor;
use super::words::{MissionKindDto, MissionStatusDto};
use crate::http::problem::{Problem, ProblemField, kind};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dispatch_mission::ids::{ListingId, RealtorId, StaffId};
use dispatch_mission::mission::{MissionKind, MissionType};
use dispatch_mission::mission_store::{Deleted, MissionCursor, MissionFilter, MissionOrder};
use dispatch_mission::status::MissionStatus;
use dispatch_pipeline::missions::MAX_PAGE;
use std::future::{Ready, ready};
use utoipa::{IntoParams, ToSchema};

const DEFAULT_PAGE: u32 = 50;
const KNOWN: &str = "kind, status, mission_type, realtor_id, listing_id, assigned_to, deleted, order, limit, cursor";

/// A mission type as a filter; `none` asks for missions without one.
#[derive(ToSchema)]
#[schema(as = MissionTypeFilter, rename_all = "SCREAMING_SNAKE_CASE", example = "ADMIN")]
#[allow(missing_docs, dead_code)] // only its schema is used
pub enum MissionTypeFilterDto {
    Admin,
    Marketing,
    Photo,
    Staging,
    Inspection,
    Showing,
    Other,
    #[schema(rename = "none")]
    None,
}

/// Whether soft-deleted missions are wanted.
#[derive(ToSchema)]
#[schema(as = DeletedFilter, rename_all = "snake_case", example = "exclude")]
#[allow(dead_code)] // only its schema is used
pub enum DeletedFilterDto {
    /// Leave them out.
    Exclude,
    /// Show them too.
    Include,
    /// Show nothing else.
    Only,
}

/// The sort of a list.
#[derive(ToSchema)]
#[schema(as = MissionOrder, example = "-created_at")]
#[allow(dead_code)] // only its schema is used
pub enum MissionOrderDto {
    /// Newest first.
    #[schema(rename = "-created_at")]
    Newest,
    /// Most recently changed first.
    #[schema(rename = "-updated_at")]
    Updated,
}

/// What the document says about the parameters; [`ListQuery`] is what reads them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its schema is used
pub struct MissionParameters {
    /// Only missions of this kind.
    #[param(inline = false, nullable = false)]
    kind: Option<MissionKindDto>,
    /// Only missions that stand here; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["active", "claimed"]))]
    status: Option<Vec<MissionStatusDto>>,
    /// Only missions of this type; repeat it, or separate with commas.
    #[param(nullable = false, style = Form, explode, example = json!(["ADMIN", "none"]))]
    mission_type: Option<Vec<MissionTypeFilterDto>>,
    /// Only missions for this realtor.
    #[param(nullable = false, example = "01JC8PZV0A4M8K2T6R3Y5W7Q")]
    realtor_id: Option<String>,
    /// Only missions about this listing.
    #[param(nullable = false, example = "01JC8R1M5E9H3K7P2T6W0Y4B")]
    listing_id: Option<String>,
    /// Only missions that this staff member has.
    #[param(nullable = false, example = "01JC8S4C8G2K6N0R4V8Z3D7H")]
    assigned_to: Option<String>,
    /// Whether soft-deleted missions are wanted; `exclude` unless said otherwise.
    #[param(nullable = false)]
    deleted: Option<DeletedFilterDto>,
    /// The sort; `-created_at` unless said otherwise.
    #[param(nullable = false)]
    order: Option<MissionOrderDto>,
    /// Most missions on the page: 1 to 200, 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 200, example = 50)]
    limit: Option<i32>,
    /// `next_cursor` of the page before.
    #[param(nullable = false, example = "YzE6MTc2MzY0NzM4NzEyMDAwMDowMUpDOFE1VzNO")]
    cursor: Option<String>,
}

/// A valid query.
#[derive(Debug, Default, PartialEq)]
pub struct ListQuery {
    /// What to show.
    pub filter: MissionFilter,
    /// In which order.
    pub order: MissionOrder,
    /// Where the page before ended.
    pub after: Option<MissionCursor>,
    /// How many at most.
    pub limit: u32,
}

impl FromRequest for ListQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = Self::read(request.query_string());
        ready(read.map_err(|errors| Problem::new(&kind::INVALID_PARAMETERS).errors(errors)))
    }
}

impl ListQuery {
    fn read(query: &str) -> Result<Self, Vec<ProblemField>> {
        let mut reader = Reader::default();
        let mut read = Self { limit: DEFAULT_PAGE, ..Self::default() };
        let mut cursor_text = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "status" => reader.many("status", &value, MissionStatus::parse, &mut read.filter.statuses),
                "mission_type" => reader.many("mission_type", &value, mission_type, &mut read.filter.types),
                "kind" => reader.one("kind", &value, MissionKind::parse, &mut read.filter.kind),
                "realtor_id" => reader.one("realtor_id", &value, id(RealtorId), &mut read.filter.realtor_id),
                "listing_id" => reader.one("listing_id", &value, id(ListingId), &mut read.filter.listing_id),
                "assigned_to" => reader.one("assigned_to", &value, id(StaffId), &mut read.filter.assigned_to),
                "deleted" => reader.set("deleted", &value, deleted, &mut read.filter.deleted),
                "order" => reader.set("order", &value, order, &mut read.order),
                "limit" => reader.set("limit", &value, limit, &mut read.limit),
                "cursor" => reader.one("cursor", &value, |text| Some(text.to_owned()), &mut cursor_text),
                other => reader.wrong(other, format!("is not a parameter of this operation; there are {KNOWN}")),
            }
        }
        if let Some(text) = cursor_text {
            // Only now, for it is bound to the order, which may stand behind it.
            read.after = cursor::decode(&text, read.order);
            if read.after.is_none() {
                reader.wrong("cursor", "is not a next_cursor of a list in this order".to_owned());
            }
        }
        if reader.errors.is_empty() { Ok(read) } else { Err(reader.errors) }
    }
}

/// Collects mistakes, and refuses a single-valued parameter that comes twice.
#[derive(Default)]
struct Reader {
    seen: Vec<&'static str>,
    errors: Vec<ProblemField>,
}

impl Reader {
    fn set<T>(&mut self, name: &'static str, value: &str, parse: impl Fn(&str) -> Option<T>, into: &mut T) {
        if self.seen.contains(&name) {
            return self.wrong(name, "is given more than once".to_owned());
        }
        self.seen.push(name);
        match parse(value) {
            Some(parsed) => *into = parsed,
            None => self.wrong(name, expectation(name).to_owned()),
        }
    }

    fn one<T>(&mut self, name: &'static str, value: &str, parse: impl Fn(&str) -> Option<T>, into: &mut Option<T>) {
        self.set(name, value, |text| parse(text).map(Some), into);
    }

    fn many<T>(&mut self, name: &'static str, value: &str, parse: impl Fn(&str) -> Option<T>, into: &mut Vec<T>) {
        for item in value.split(',') {
            match parse(item.trim()) {
                Some(parsed) => into.push(parsed),
                None => self.wrong(name, expectation(name).to_owned()),
            }
        }
    }

    fn wrong(&mut self, name: &str, detail: String) {
        let name: String = name.chars().take(64).collect();
        self.errors.push(ProblemField::parameter(&name, detail));
    }
}

fn expectation(name: &str) -> &'static str {
    match name {
        "status" => "must be active, claimed, in_progress, done, failed, cancelled or needs_info",
        "mission_type" => "must be ADMIN, MARKETING, PHOTO, STAGING, INSPECTION, SHOWING, OTHER or none",
        "kind" => "must be activity or agent_task",
        "deleted" => "must be exclude, include or only",
        "order" => "must be -created_at or -updated_at",
        "limit" => "must be a whole number from 1 to 200",
        _ => "must not be empty",
    }
}

fn id<T>(wrap: impl Fn(String) -> T) -> impl Fn(&str) -> Option<T> {
    // The database cannot hold a NUL, so no row has such an id.
    move |text| (!text.is_empty() && !text.contains('\0')).then(|| wrap(text.to_owned()))
}

#[allow(clippy::option_option)] // the outer one is "valid", the inner one is "of no type"
fn mission_type(text: &str) -> Option<Option<MissionType>> {
    if text.eq_ignore_ascii_case("none") { Some(None) } else { MissionType::parse(&text.to_uppercase()).map(Some) }
}

fn deleted(text: &str) -> Option<Deleted> {
    match text {
        "exclude" => Some(Deleted::Exclude),
        "include" => Some(Deleted::Include),
        "only" => Some(Deleted::Only),
        _ => None,
    }
}

fn order(text: &str) -> Option<MissionOrder> {
    match text {
        "-created_at" => Some(MissionOrder::Newest),
        "-updated_at" => Some(MissionOrder::Updated),
        _ => None,
    }
}

fn limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(query: &str) -> Vec<String> {
        ListQuery::read(query).expect_err("refused").into_iter().filter_map(|field| field.parameter).collect()
    }

    #[test]
    fn repeated_keys_and_commas_mean_the_same() {
        let statuses = vec![MissionStatus::Claimed, MissionStatus::InProgress];
        for query in
            ["status=claimed&status=in_progress", "status=claimed,in_progress", "status=claimed%2C%20in_progress"]
        {
            assert_eq!(ListQuery::read(query).expect("valid").filter.statuses, statuses, "{query}");
        }
        let types = ListQuery::read("mission_type=none&mission_type=PHOTO").expect("valid").filter.types;
        assert_eq!(types, [None, Some(MissionType::Photo)]);
    }

    #[test]
    fn nothing_asked_is_the_first_fifty_undeleted_newest_first() {
        let plain = ListQuery::read("").expect("valid");
        assert_eq!(plain, ListQuery { limit: 50, ..ListQuery::default() });
        assert_eq!((plain.filter.deleted, plain.order), (Deleted::Exclude, MissionOrder::Newest));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let all = "kind=task&status=OPEN&mission_type=x&deleted=yes&order=created_at&limit=0&cursor=!&assignee=s-1&realtor_id=";
        let expected =
            ["kind", "status", "mission_type", "deleted", "order", "limit", "assignee", "realtor_id", "cursor"];
        assert_eq!(wrong(all), expected);
        assert_eq!(wrong("limit=201"), ["limit"]);
        assert_eq!(wrong("limit=10&limit=20"), ["limit"]);
        assert_eq!(wrong("listing_id=a%00b"), ["listing_id"]);
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let at = time::macros::datetime!(2026-11-20 14:03 UTC);
        let end = MissionCursor { at, mission_id: dispatch_mission::ids::MissionId("m-1".into()) };
        let text = cursor::encode(&end, MissionOrder::Updated);
        let query = format!("cursor={text}&order=-updated_at");
        assert_eq!(ListQuery::read(&query).expect("valid").after, Some(end));
        assert_eq!(wrong(&format!("cursor={text}")), ["cursor"]);
    }
}
