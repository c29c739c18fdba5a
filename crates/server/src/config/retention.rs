//! `RETAIN_WORK_DAYS`, `RETAIN_DEAD_DAYS`, `RETAIN_BODIES_DAYS`, `RETAIN_IGNORED_DAYS`, `RETAIN_REQUESTS_DAYS`,
//! `RETAIN_REPORTS_DAYS`: how long is kept what is finished.

use super::reader::Reader;
use dispatch_pipeline::ports::retention::Ages;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;
/// A hundred years.
const MOST: u64 = 36_500;

pub(super) fn read(reader: &mut Reader<'_>) -> Ages {
    let base = Ages::default();
    Ages {
        work: days(reader, "RETAIN_WORK_DAYS", base.work),
        dead: days(reader, "RETAIN_DEAD_DAYS", base.dead),
        bodies: days(reader, "RETAIN_BODIES_DAYS", base.bodies),
        ignored: days(reader, "RETAIN_IGNORED_DAYS", base.ignored),
        requests: days(reader, "RETAIN_REQUESTS_DAYS", base.requests),
        reports: days(reader, "RETAIN_REPORTS_DAYS", base.reports),
    }
}

fn days(reader: &mut Reader<'_>, name: &'static str, default: Duration) -> Duration {
    let least = Ages::LEAST.as_secs() / DAY;
    let expected = format!("a whole number of days from {least} to {MOST}; repeats are known as such for that long");
    let days = reader.parsed(name, default.as_secs() / DAY, |days| (least..=MOST).contains(days), &expected);
    Duration::from_secs(days * DAY)
}
