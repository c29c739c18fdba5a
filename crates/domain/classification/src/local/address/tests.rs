//! Table tests: what people type, and the address in it.

use super::address;

#[test]
fn addresses_as_typed() {
    for (text, expected) in [
        ("New listing at 44 Birch Ave, going live Friday, $899k", Some("44 Birch Ave")),
        ("firm on 12 Elm St, closing Dec 3, can Sam order it", Some("12 Elm St")),
        ("12 Elm St. is firm", Some("12 Elm St")),
        ("unit 7 @ 2500 Don Mills never rented", Some("unit 7 @ 2500 Don Mills")),
        ("suite 305 @ 4800 Leslie St. 1,180 sf", Some("suite 305 @ 4800 Leslie St")),
        ("penthouse 2 at 10 Bellair, same seller", Some("penthouse 2 at 10 Bellair")),
        ("closing at 72 liverpool dec 19. budget 150", Some("72 liverpool")),
        ("prep a release 904-77 shuter pls", Some("904-77 shuter")),
        ("#1204-38 Dan Leckie is ours", Some("#1204-38 Dan Leckie")),
        ("for 3300 Bloor W unit 6 the owner", Some("3300 Bloor W unit 6")),
        ("77 Mowat, Suite 110, available", Some("77 Mowat, Suite 110")),
        ("6 Otter Point Ln, Innisfil, Sept only", Some("6 Otter Point Ln, Innisfil")),
        ("551 Harbor View Dr Unit 8, Sarasota FL (asking)", Some("551 Harbor View Dr Unit 8, Sarasota FL")),
        ("draft offer at 22 Harmony rd n oshawa, offers tues", Some("22 Harmony rd n oshawa")),
        ("7185 Highway 89, Shelburne. Selling", Some("7185 Highway 89, Shelburne")),
        ("our land at Lot 22, 15th Sideroad, King went firm", Some("Lot 22, 15th Sideroad, King")),
        ("2255 boul. St-Joseph, Orléans, 529 900 $", Some("2255 boul. St-Joseph, Orléans")),
        ("le duplex du 45 avenue Mackay, 899 000 $", Some("45 avenue Mackay")),
        ("出租新房源:2203-8 Water Walk Dr,月租", Some("2203-8 Water Walk Dr")),
        ("请帮我预约,44 Birch Ave 要出售", Some("44 Birch Ave")),
        ("offer on 71 Elm... sorry, 17 Elm St, ph08", Some("17 Elm St, ph08")),
        ("Unit 3412 at Forma. Collect the deposit", Some("Unit 3412 at Forma")),
        ("Sarah 44 Birch Ave, Sarah please", Some("44 Birch Ave")),
        ("66 Portland or 66 Portage? nobody knows", None),
        ("52 foxley sold in 4 days tell everyone", Some("52 foxley")),
        ("ok so 9 offers, 61 gough is firm", Some("61 gough")),
        ("landlord dropped 24 wellesley #1907 to $2,350", Some("24 wellesley #1907")),
        ("1802-832 bay, 1 plus den", Some("1802-832 bay")),
        ("my tenants got 2312 at 7 grenville after losing 3", Some("2312 at 7 grenville")),
        ("studio 505-75 st nicholas 1,995 furnished", Some("505-75 st nicholas")),
        ("offer on my listing 14 & 16 elm bank. both lots", Some("14 & 16 elm bank")),
        ("tenants r at 4410-45 charles e, call them", Some("4410-45 charles e")),
        ("sellers at 5611-388 yonge.. sry 5116-388 yonge want it", Some("5116-388 yonge")),
        ("Which is ours, 70 or 17 Caroline?", None),
        ("pls print 20 feature sheets", None),
        ("need form 122 done, may 31 move in", None),
        ("send 25k back to the buyer, my 2025 production totals", None),
        ("order 3 signs for 2 agents at 5 today", None),
        ("4 offers on the table, 90 day close, 5 business days", None),
        ("deposit of $25,000 at 10:30 Monday", None),
        ("the Nolan semi is back", None),
    ] {
        assert_eq!(address(text).as_deref(), expected, "{text}");
    }
}
