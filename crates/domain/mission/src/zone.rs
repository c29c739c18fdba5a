//! The brokerage's time zone: instants to wall time and back. Must not know what a due date means.

use thiserror::Error;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use tz::TimeZoneRef;

/// A named IANA zone, such as `America/Toronto`.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    name: &'static str,
    rules: TimeZoneRef<'static>,
}

/// The name is not in the IANA database.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("unknown time zone {0:?}; use an IANA name such as America/Toronto")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Looks a zone up by its IANA name.
    ///
    /// # Errors
    /// [`UnknownZone`] when the name is not in the database.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let rules = tzdb_data::find_tz(name.as_bytes()).ok_or_else(|| UnknownZone(name.to_owned()))?;
        let name = tzdb_data::TZ_NAMES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .copied()
            .ok_or_else(|| UnknownZone(name.to_owned()))?;
        Ok(Self { name, rules: *rules })
    }

    /// `America/Toronto`, the brokerage's home and the default of `DISPATCH_TIMEZONE`.
    #[must_use]
    pub fn toronto() -> Self {
        Self { name: "America/Toronto", rules: tzdb_data::time_zone::america::TORONTO }
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The wall time that people in this zone read at `instant`.
    #[must_use]
    pub fn wall_time(&self, instant: OffsetDateTime) -> PrimitiveDateTime {
        let local = instant.to_offset(self.offset_at(instant.unix_timestamp()));
        PrimitiveDateTime::new(local.date(), local.time())
    }

    /// The instant at which the wall shows `local`. In the hour that repeats it is the first one; a time that the
    /// spring change skips is read with the offset from before the change, so it lands one hour later.
    #[must_use]
    pub fn instant(&self, local: PrimitiveDateTime) -> OffsetDateTime {
        let naive = local.assume_utc().unix_timestamp();
        // The offset a day earlier is the one in force before any change that touches this wall time.
        let before = self.offset_at(naive - 86_400);
        let first = local.assume_offset(before);
        if self.offset_at(first.unix_timestamp()) == before {
            return first.to_offset(UtcOffset::UTC);
        }
        let after = self.offset_at(naive + 86_400);
        let second = local.assume_offset(after);
        if self.offset_at(second.unix_timestamp()) == after { second } else { first }.to_offset(UtcOffset::UTC)
    }

    fn offset_at(&self, unix: i64) -> UtcOffset {
        self.rules
            .find_local_time_type(unix)
            .ok()
            .and_then(|kind| UtcOffset::from_whole_seconds(kind.ut_offset()).ok())
            .unwrap_or(UtcOffset::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn wall_time_and_instant_agree_across_the_year() {
        let toronto = Zone::toronto();
        for (wall, instant) in [
            (datetime!(2026-01-15 17:00), datetime!(2026-01-15 22:00 UTC)),
            (datetime!(2026-07-15 17:00), datetime!(2026-07-15 21:00 UTC)),
            // 2026-03-08 02:30 does not exist; it is read as 03:30 EDT.
            (datetime!(2026-03-08 02:30), datetime!(2026-03-08 07:30 UTC)),
            // 2026-11-01 01:30 happens twice; the first is EDT.
            (datetime!(2026-11-01 01:30), datetime!(2026-11-01 05:30 UTC)),
            (datetime!(2026-11-01 17:00), datetime!(2026-11-01 22:00 UTC)),
        ] {
            assert_eq!(toronto.instant(wall), instant, "{wall}");
        }
        assert_eq!(toronto.wall_time(datetime!(2026-12-03 22:00 UTC)), datetime!(2026-12-03 17:00));
    }

    #[test]
    fn unknown_names_are_refused_with_the_cure() {
        let error = Zone::named("Toronto").expect_err("not an IANA name");
        assert!(error.to_string().contains("America/Toronto"));
        assert_eq!(Zone::named("america/toronto").expect("case-insensitive").name(), "America/Toronto");
    }
}
