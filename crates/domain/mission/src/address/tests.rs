//! What people type, and that it is the same place; by example and by property.

use super::*;
use proptest::prelude::*;

fn form(text: &str) -> String {
    Address::read(text).map_or_else(|| "-".to_owned(), |address| address.to_string())
}

#[test]
fn one_form_for_all_spellings() {
    for (expected, spellings) in [
        ("12 elm st", vec!["12 Elm Street", "12 ELM ST.", "  12, elm   st", "12 Élm Str"]),
        (
            "12 elm st #4",
            vec![
                "12 Elm St #4",
                "4-12 Elm St",
                "Unit 4, 12 Elm St",
                "12 Elm Street, Unit 4",
                "12 Elm St Apt. 4",
                "#4-12 Elm St",
                "Suite 4 - 12 Elm St",
                "4 at 12 elm street",
                "unit #04 @ 12 Elm St",
                "12 Elm St (4)",
                "4 – 12 Elm St",
                "unit 4 12 Elm St",
                "12 Elm St 4",
            ],
        ),
        ("12 elm #4", vec!["Unit 4, 12 Elm", "4-12 elm", "4, 12 Elm"]),
        ("12 elm st #ph2", vec!["PH2, 12 Elm St", "penthouse 2 at 12 Elm St", "12 Elm St, ph02", "PH 2 - 12 Elm St"]),
        ("12 elm st #ph", vec!["PH, 12 Elm St", "12 Elm St penthouse"]),
        ("401 logan #12b", vec!["12-B, 401 Logan", "unit 12-B, 401 Logan", "12B-401 Logan"]),
        ("770 bay #2508", vec!["770 bay 2508", "2508-770 Bay"]),
        ("629 king w #812", vec!["629 king w 812", "812-629 King West"]),
        ("418 markham #mainfl", vec!["418 Markham main fl", "418 Markham, main floor"]),
        ("8 elm st #2ndfl", vec!["8 Elm St, 2nd floor", "8 elm street second fl"]),
        ("8 elm st #bsmt", vec!["8 Elm St basement", "8 Elm St, bsmt"]),
        ("12 queen st w", vec!["12 Queen Street West", "12 queen st. W."]),
        ("12 queen w", vec!["12 Queen West", "12 queen w"]),
        ("12 5th ave", vec!["12 Fifth Avenue", "12 5th Ave"]),
        ("1388 st clair ave w", vec!["1388 St. Clair Ave W", "1388 Saint Clair Avenue West"]),
        ("1388 st clair w", vec!["1388 St Clair W"]),
        ("12 ave rd", vec!["12 Avenue Road", "12 Avenue Rd"]),
        ("7200 hwy 7 e", vec!["7200 Highway 7 East", "7200 Hwy 7 E"]),
        ("12 oconnor dr", vec!["12 O'Connor Drive", "12 O’Connor Dr", "12 OConnor Dr"]),
        (
            "12 elm st, toronto",
            vec![
                "12 Elm St, Toronto",
                "12 Elm Street Toronto",
                "12 Elm St, Toronto, ON",
                "12 Elm St, Toronto, ON M5V 2T6",
                "12 Elm St, Toronto, Ontario, Canada",
                "12 Elm St, Toronto ON m5v2t6",
                "12 Elm St (Toronto)",
            ],
        ),
        ("12 elm st", vec!["12 Elm St, ON", "12 Elm St M5V 2T6"]),
        ("12 elm ave, st catharines", vec!["12 Elm Ave St Catharines", "12 Elm Ave, St. Catharines"]),
        ("12 elm", vec!["12 Elm"]),
        ("14 and 16 elm", vec!["14 & 16 Elm", "14 and 16 elm"]),
        ("kempenfelt towers", vec!["Kempenfelt Towers"]),
        ("forma #3412", vec!["Unit 3412 at Forma"]),
        ("lot 22 15th sdrd king", vec!["Lot 22, 15th Sideroad, King", "lot 22 fifteenth sideroad, king"]),
        ("-", vec!["", " , ", "12", "Elm", "Elm St", "Queen St W", "#4", "Address to be confirmed", "unit 4"]),
    ] {
        for spelling in spellings {
            assert_eq!(form(spelling), expected, "{spelling}");
        }
    }
}

#[test]
fn what_is_left_unsaid_contradicts_nothing() {
    let same = |one: &str, two: &str| {
        let (one, two) = (Address::read(one).expect("one"), Address::read(two).expect("two"));
        assert_eq!(one.is_same(&two), two.is_same(&one));
        if one.is_same(&two) {
            assert_eq!(one.ground(), two.ground());
        }
        one.is_same(&two)
    };
    for (one, two) in [
        ("12 Elm", "12 Elm Street, Toronto"),
        ("12 Queen W", "12 Queen St"),
        ("4-12 Elm", "12 Elm St #4"),
        ("1388 St Clair W", "1388 St. Clair Ave"),
    ] {
        assert!(same(one, two), "{one}, {two}");
    }
    for (one, two) in [
        ("12 Elm St", "12 Elm Ave"),
        ("12 Elm St", "112 Elm St"),
        ("12 Elm St", "12 Elm St #4"),
        ("12 Elm St #4", "12 Elm St #5"),
        ("12 Queen St W", "12 Queen St E"),
        ("12 Main St, Markham", "12 Main St, Newmarket"),
        ("12 Elm", "12 Elmwood"),
        ("12a Elm", "12 Elm"),
    ] {
        assert!(!same(one, two), "{one}, {two}");
    }
}

#[test]
fn a_text_with_an_address_has_the_word_that_is_sought() {
    for (text, sought) in
        [("4-12 Elm St", "12"), ("Unit 4, 12A Elm", "12a"), ("Kempenfelt Towers", "kempenfelt"), ("12 Élm", "12")]
    {
        assert_eq!(Address::read(text).expect("an address").sought(), sought);
    }
}

/// An address in one of many spellings, with the form that all of them have.
fn spelled() -> impl Strategy<Value = (String, String)> {
    let names = ["Elm", "St. Clair", "Jean-Paul", "O'Connor", "Fifth", "Old Mill", "Élan"];
    let kinds = ["Street", "ST", "st.", "Str"];
    let directions = ["", " West", " W", " w."];
    let tails = ["", ", Toronto", ", Toronto, ON", " TORONTO, Ontario M5V 2T6", ", toronto, on, Canada"];
    (1u32..9999, 0..names.len(), 0..kinds.len(), 0..directions.len(), 0..tails.len(), 0u32..4000, 0..6usize).prop_map(
        move |(number, name, kind, direction, tail, unit, style)| {
            let street = format!("{} {}{}", names[name], kinds[kind], directions[direction]);
            let tail_text = tails[tail];
            let text = match (unit, style) {
                (0, _) => format!("{number} {street}{tail_text}"),
                (_, 0) => format!("{unit}-{number} {street}{tail_text}"),
                (_, 1) => format!("Unit {unit}, {number} {street}{tail_text}"),
                (_, 2) => format!("{number} {street} #{unit}{tail_text}"),
                (_, 3) => format!("{number} {street}, Suite {unit}{tail_text}"),
                (_, 4) => format!("#{unit} - {number} {street}{tail_text}"),
                _ => format!("apt {unit} at {number} {street}{tail_text}"),
            };
            let form = format!(
                "{number} {} st{}{}{}",
                ["elm", "st clair", "jean paul", "oconnor", "5th", "old mill", "elan"][name],
                if direction == 0 { "" } else { " w" },
                if unit == 0 { String::new() } else { format!(" #{unit}") },
                if tail == 0 { "" } else { ", toronto" },
            );
            (text, form)
        },
    )
}

proptest! {
    #[test]
    fn however_it_is_spelled_it_is_one_place((text, expected) in spelled(), loud in any::<bool>()) {
        let text = if loud { text.to_uppercase() } else { text };
        prop_assert_eq!(form(&text), expected);
    }

    #[test]
    fn reading_the_normal_form_changes_nothing(
        text in r"[ ,#'0-9a-zA-Z&@-]{0,30}|([0-9]{1,3}|unit|#|ph|-|,|st|ave|w|elm|at|main|fl|hwy|on|m5v|2t6|lot| ){1,9}"
    ) {
        if let Some(address) = Address::read(&text) {
            let form = address.to_string();
            let again = Address::read(&form);
            prop_assert!(again.is_some(), "{:?}", form);
            let again = again.expect("checked");
            prop_assert_eq!(again.to_string(), form);
            prop_assert_eq!(again.ground(), address.ground());
            prop_assert!(again.is_same(&address));
        }
    }
}
