//! Days and times as people at the brokerage read them off the wall. Must not know what is asked.

use dispatch_mission::zone::Zone;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The moment of a question, in the brokerage's zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    pub(crate) now: OffsetDateTime,
    pub(crate) zone: Zone,
}

impl Wall {
    /// The day it is.
    pub(crate) fn today(&self) -> Date {
        self.zone.wall_time(self.now).date()
    }

    /// When `day` begins.
    pub(crate) fn midnight(&self, day: Date) -> OffsetDateTime {
        self.zone.instant(PrimitiveDateTime::new(day, Time::MIDNIGHT))
    }

    /// `Fri Nov 27, 17:00`; with the year where it is another one.
    pub(crate) fn said(&self, at: OffsetDateTime) -> String {
        let local = self.zone.wall_time(at);
        let day = format_description!("[weekday repr:short] [month repr:short] [day padding:none]");
        let time = format_description!("[hour]:[minute]");
        let year =
            if local.year() == self.today().year() { String::new() } else { format!(" {}", local.date().year()) };
        match (local.format(day), local.format(time)) {
            (Ok(day), Ok(time)) => format!("{day}{year}, {time}"),
            _ => instant(at),
        }
    }

    /// What is given as a day, a wall time or an instant; a day means its end where it closes a span.
    pub(crate) fn read(&self, text: &str, closes: bool) -> Option<OffsetDateTime> {
        use time::format_description::well_known::Rfc3339;
        let text = text.trim();
        if let Ok(instant) = OffsetDateTime::parse(text, &Rfc3339) {
            return Some(instant);
        }
        if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
            return Some(self.midnight(if closes { day.checked_add(Duration::DAY)? } else { day }));
        }
        let to_the_second = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let to_the_minute = format_description!("[year]-[month]-[day]T[hour]:[minute]");
        let local = PrimitiveDateTime::parse(text, to_the_second)
            .or_else(|_| PrimitiveDateTime::parse(text, to_the_minute))
            .ok()?;
        Some(self.zone.instant(local))
    }
}

/// As everywhere on the wire: `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    fn wall() -> Wall {
        Wall { now: datetime!(2026-11-24 02:30 UTC), zone: Zone::toronto() }
    }

    #[test]
    fn today_is_the_brokerages() {
        assert_eq!(wall().today(), date!(2026 - 11 - 23), "half past nine in the evening");
        assert_eq!(wall().midnight(wall().today()), datetime!(2026-11-23 05:00 UTC));
    }

    #[test]
    fn times_are_said_and_read_as_on_the_wall() {
        assert_eq!(wall().said(datetime!(2026-11-27 22:00 UTC)), "Fri Nov 27, 17:00");
        assert_eq!(wall().said(datetime!(2027-01-05 14:05 UTC)), "Tue Jan 5 2027, 09:05");
        for (text, closes, read) in [
            ("2026-11-27", false, Some(datetime!(2026-11-27 05:00 UTC))),
            ("2026-11-27", true, Some(datetime!(2026-11-28 05:00 UTC))),
            ("2026-11-27T17:00", true, Some(datetime!(2026-11-27 22:00 UTC))),
            ("2026-11-27T17:00:00Z", true, Some(datetime!(2026-11-27 17:00 UTC))),
            ("Friday", true, None),
            ("", false, None),
        ] {
            assert_eq!(wall().read(text, closes), read, "{text}");
        }
    }
}
