//! Table tests: what people write, when, and when it is due.

use super::{due, of_unit};
use crate::local::text::folded;
use time::PrimitiveDateTime;
use time::macros::datetime;

fn read(text: &str, now: PrimitiveDateTime) -> Option<String> {
    let at = due(&folded(text), now).at?;
    Some(format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()))
}

#[test]
fn due_dates_as_written_on_a_wednesday() {
    for (text, expected) in [
        ("by Friday", Some("2026-11-27 17:00")),
        ("by Wednesday", Some("2026-11-25 17:00")),
        ("next Tuesday", Some("2026-12-01 17:00")),
        ("next Friday 3pm", Some("2026-12-04 15:00")),
        ("EOD", Some("2026-11-25 17:00")),
        ("by EOD Thursday", Some("2026-11-26 17:00")),
        ("before EOW", Some("2026-11-27 17:00")),
        ("tmrw", Some("2026-11-26 17:00")),
        ("tomorrow after 1pm", Some("2026-11-26 13:00")),
        ("send b4 8pm today", Some("2026-11-25 20:00")),
        ("by 6 tonight", Some("2026-11-25 18:00")),
        ("closing Dec 3", Some("2026-12-03 17:00")),
        ("closing 3 December", Some("2026-12-03 17:00")),
        ("closes January 15, 2027", Some("2027-01-15 17:00")),
        ("closing the 30th", Some("2026-11-30 17:00")),
        ("before the 5th", Some("2026-12-05 17:00")),
        ("due 12/2", Some("2026-12-02 17:00")),
        ("due 2026-12-02", Some("2026-12-02 17:00")),
        ("in 2 weeks", Some("2026-12-09 17:00")),
        ("closing in 2 days", Some("2026-11-27 17:00")),
        ("monday 4:30, someone come", Some("2026-11-30 16:30")),
        ("keys Friday at noon", Some("2026-11-27 12:00")),
        ("deposit by Monday noon", Some("2026-11-30 12:00")),
        ("Saturday, 11", Some("2026-11-28 11:00")),
        ("tmrw between 1 and 3", Some("2026-11-26 13:00")),
        ("move in dec 1, elevator 10-1", Some("2026-12-01 17:00")),
        ("listing Monday, brochure due Friday", Some("2026-11-27 17:00")),
        ("jusqu'au 4 decembre", Some("2026-12-04 17:00")),
        ("avant vendredi 14h", Some("2026-11-27 14:00")),
        ("lundi prochain", Some("2026-11-30 17:00")),
        ("cierre el 12 de diciembre", Some("2026-12-12 17:00")),
        ("para el viernes", Some("2026-11-27 17:00")),
        ("mañana", Some("2026-11-26 17:00")),
        ("明天下午3点", Some("2026-11-26 15:00")),
        ("下周二", Some("2026-12-01 17:00")),
        ("12月3日之前", Some("2026-12-03 17:00")),
        ("can Jill write it up by 6", Some("2026-11-25 18:00")),
        ("book it for Thursday not Friday", Some("2026-11-26 17:00")),
        ("before the 2pm training today", Some("2026-11-25 14:00")),
        ("ASAP", None),
        ("closed yesterday", None),
        ("last Friday", None),
        ("closed Monday", None),
        ("withdrawn 8/28, fresh agreement", None),
        ("Dec 3, 2025", None),
        ("open house sat + sun 2-4", None),
        ("Monday the 1st", None),
        ("Friday Nov 28", None),
        ("either Monday or Tuesday", None),
        ("split 50/50, open 24/7", None),
        ("5th floor, 3 beds, 2.25%", None),
    ] {
        assert_eq!(read(text, datetime!(2026-11-25 10:00)).as_deref(), expected, "{text}");
    }
}

#[test]
fn time_that_has_passed_moves_on() {
    let evening = datetime!(2026-11-25 18:30);
    assert_eq!(read("Wednesday 9am works", evening).as_deref(), Some("2026-12-02 09:00"));
    assert_eq!(read("firm as of 4:12pm today!", evening), None);
}

#[test]
fn contradictions_are_explained() {
    let now = datetime!(2026-11-25 10:00);
    assert!(due("friday nov 28", now).problem.expect("a reason").contains("weekday"));
    assert!(due("monday or tuesday", now).problem.expect("a reason").contains("contradictory"));
}

#[test]
fn a_burst_reads_each_message_by_its_own_clock() {
    let monday = due("photos tomorrow", datetime!(2026-11-23 10:00));
    let tuesday = due("brochure due tomorrow", datetime!(2026-11-24 10:00));
    assert_eq!(of_unit(vec![monday.clone(), tuesday]).at, Some(datetime!(2026-11-25 17:00)));
    assert_eq!(of_unit(vec![monday, due("ok", datetime!(2026-11-24 10:00))]).at, Some(datetime!(2026-11-24 17:00)));
}
