//! Table tests: what people type, and who is asked in it.

use super::assignee;

#[test]
fn assignees_as_typed() {
    for (text, expected) in [
        ("can Sam order the status cert?", Some("Sam")),
        ("Emma can you spin up the plan", Some("Emma")),
        ("priya get keys n mailbox # from the agent", Some("priya")),
        ("Hamid: signage for the vacancy", Some("Hamid")),
        ("Fix the flyer today. Simone?", Some("Simone")),
        ("Reprint it by Friday, Carlo", Some("Carlo")),
        ("Give this one to Zebedee, brochure due Friday", Some("Zebedee")),
        ("Open the file under Wei and order title", Some("Wei")),
        ("lead: Sarah", Some("Sarah")),
        ("<@U01MKT002> first draft by Friday", Some("<@U01MKT002>")),
        ("swap the PDF on the site. @emma", Some("emma")),
        ("Natasha s'en occupe", Some("Natasha")),
        ("业主已签,请Mei建档", Some("Mei")),
        ("Tony no wait Liz, can you change it", Some("Liz")),
        ("can you call her about it", None),
        ("@here toner is out", None),
        ("Marketing team, please post this", None),
        ("Amara & Joel's deposit is late", None),
        ("our tenant Maria needs keys", None),
        ("Mr. Fontaine's well test, send to Ms. Bloom", None),
        ("Tony's parents are ready", None),
        ("all done. Love, Maureen", None),
        ("send it to the lawyer", None),
        ("hey its tyler can someone reset my login", None),
        ("Kwame here. closed a lil one", None),
        ("Lorna, I've a parcel at the depot, could you get it. Graham", Some("Lorna")),
        ("shanelle open house tmrw 1pm, need arrows out", Some("shanelle")),
    ] {
        assert_eq!(assignee(text, None).as_deref(), expected, "{text}");
    }
    assert_eq!(assignee("45 Charlotte St pls", Some("45 Charlotte St")), None);
}
