//! A listing that several messages are about: what a change of one of them does to it, and what not.

use super::*;

const SALE: GroupKey = GroupKey::SaleListing;
const LEASE: GroupKey = GroupKey::LeaseListing;
const OURS: &str = "listings WHERE listing_id NOT LIKE 'listing-%'";
const OPEN: &str = "dispatch_activities WHERE mission_status = 'OPEN'";

impl World {
    /// A sale and a lease of one house, by two people: five activities, and three more.
    async fn shared() -> Self {
        let world = Self::new().await;
        world.hears([says("sale", "U1", 0, "for sale")]).await;
        world.turn_at(SALE, "12 Elm St").await;
        world.hears([says("lease", "U1", 0, "for lease")]).await;
        world.turn_at(LEASE, "12 Elm").await;
        assert_eq!((world.count(OURS).await, world.count(OPEN).await), (1, 8));
        assert_eq!(world.notes().await, ["for lease"]);
        world
    }

    async fn notes(&self) -> Vec<String> {
        let rows =
            self.database.json("SELECT content FROM listing_notes WHERE deleted_at IS NULL ORDER BY content").await;
        rows.iter().map(|row| text(row, "content").to_owned()).collect()
    }

    /// The names of open activities at this address, in order.
    async fn open_at(&self, address: &str) -> Vec<String> {
        let query = format!(
            "SELECT name FROM dispatch_activities JOIN listings USING (listing_id)
             WHERE mission_status = 'OPEN' AND address_string = '{address}' AND listings.deleted_at IS NULL ORDER BY name"
        );
        self.database.json(&query).await.iter().map(|row| text(row, "name").to_owned()).collect()
    }
}

const PHOTOS: &str = "Take listing photos";
const OF_LEASE: [&str; 4] = ["Prepare lease agreement", "Run background checks", "Schedule property showings", PHOTOS];
const OF_SALE: [&str; 5] =
    ["Create MLS listing", "Draft listing description", "Order yard sign", "Schedule open house", PHOTOS];

#[tokio::test]
async fn who_declared_it_takes_back_what_nobody_else_asked_for() {
    let world = World::shared().await;
    world.hears([deletion("sale", 0, 5)]).await;
    assert_eq!(world.amend().await, 1);
    assert_eq!(world.open_at("12 Elm St").await, OF_LEASE);
    assert_eq!(world.notes().await, ["for lease"]);
    // The last one takes the rest, whoever had made it.
    world.hears([deletion("lease", 0, 6)]).await;
    assert_eq!(world.amend().await, 1);
    assert_eq!((world.count(OPEN).await, world.count(&format!("{OURS} AND deleted_at IS NULL")).await), (0, 0));
    assert_eq!(world.notes().await, [""; 0]);
}

#[tokio::test]
async fn who_came_later_takes_only_his_own() {
    let world = World::shared().await;
    world.hears([edit("lease", 0, "never mind", 5)]).await;
    world.turn(CHATTER).await;
    assert_eq!((world.open_at("12 Elm St").await, world.notes().await.len()), (OF_SALE.map(str::to_owned).to_vec(), 0));
    // And brings it again.
    world.hears([edit("lease", 0, "for lease after all", 6)]).await;
    world.turn_at(LEASE, "12 Elm").await;
    assert_eq!((world.count(OPEN).await, world.count("dispatch_activities").await), (8, 8), "the same ones");
    assert_eq!((world.notes().await, world.count(OURS).await), (vec!["for lease after all".to_owned()], 1));
}

#[tokio::test]
async fn an_edit_changes_the_words_of_its_own_note_and_the_work_that_is_its_own() {
    let world = World::shared().await;
    world.hears([edit("lease", 0, "for sale too", 5)]).await;
    world.turn_at(SALE, "12 Elm").await;
    assert_eq!(world.open_at("12 Elm St").await, OF_SALE, "each once");
    assert_eq!(world.notes().await, ["for sale too"]);
    world.hears([edit("sale", 0, "for sale!", 6)]).await;
    world.turn_at(SALE, "12 Elm St").await;
    let listing = world.row(&format!("SELECT * FROM {OURS}")).await;
    assert_eq!((text(&listing, "notes"), text(&listing, "address_string")), ("for sale!", "12 Elm St"));
    assert_eq!((world.open_at("12 Elm St").await.len(), world.notes().await.len()), (5, 1));
}

#[tokio::test]
async fn who_came_later_moves_away_with_what_is_his() {
    let world = World::shared().await;
    world.hears([edit("lease", 0, "14 oak I meant", 5)]).await;
    world.turn_at(LEASE, "14 Oak Ave").await;
    assert_eq!(world.open_at("12 Elm St").await, OF_SALE);
    assert_eq!(world.open_at("14 Oak Ave").await, OF_LEASE);
    assert_eq!(
        (world.notes().await.len(), world.count("dispatch_activities").await),
        (0, 9),
        "three moved, one is new"
    );
    let oak = world.row("SELECT notes FROM listings WHERE address_string = '14 Oak Ave'").await;
    assert_eq!(text(&oak, "notes"), "14 oak I meant");
    // And back.
    world.hears([edit("lease", 0, "12 elm, sorry", 6)]).await;
    world.turn_at(LEASE, "12 Elm").await;
    assert_eq!((world.open_at("12 Elm St").await.len(), world.notes().await), (8, vec!["12 elm, sorry".to_owned()]));
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1, "nothing is left of the other");
    assert_eq!(world.count(OPEN).await, 8);
}

#[tokio::test]
async fn who_declared_it_moves_away_and_leaves_it_to_the_others() {
    let world = World::shared().await;
    world.hears([edit("sale", 0, "14 oak", 5)]).await;
    world.turn_at(SALE, "14 Oak Ave").await;
    assert_eq!(
        (world.open_at("12 Elm St").await, world.open_at("14 Oak Ave").await),
        (OF_LEASE.map(str::to_owned).to_vec(), OF_SALE.map(str::to_owned).to_vec(),)
    );
    assert_eq!(world.notes().await, ["for lease"]);
}

#[tokio::test]
async fn a_listing_of_one_message_goes_with_it() {
    let world = World::new().await;
    world.hears([says("a", "U1", 0, "for sale")]).await;
    world.turn_at(SALE, "12 Elm St").await;
    let before = world.row(&format!("SELECT * FROM {OURS}")).await;
    world.hears([edit("a", 0, "14 elm", 5)]).await;
    world.turn_at(SALE, "14 Elm St").await;
    let after = world.row(&format!("SELECT * FROM {OURS}")).await;
    assert_eq!((&after["listing_id"], text(&after, "address_string")), (&before["listing_id"], "14 Elm St"));
    // Where there is one already, it is added to that one.
    world.hears([says("b", "U1", 0, "for lease")]).await;
    world.turn_at(LEASE, "90 Oak Ave").await;
    world.hears([edit("a", 0, "90 oak", 6)]).await;
    world.turn_at(SALE, "90 Oak").await;
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1);
    assert_eq!((world.open_at("90 Oak Ave").await.len(), world.count(OPEN).await), (8, 8), "photos are taken once");
    assert_eq!(world.notes().await, ["90 oak"]);
    // Somebody else may declare the first one anew.
    world.hears([says("c", "U1", 0, "for sale")]).await;
    world.turn_at(SALE, "14 Elm St").await;
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 2);
}

#[tokio::test]
async fn what_came_back_does_not_stand_beside_what_came_meanwhile() {
    let world = World::new().await;
    world.hears([says("a", "U1", 0, "for sale")]).await;
    world.turn_at(SALE, "12 Elm St").await;
    world.hears([edit("a", 0, "never mind", 5)]).await;
    world.turn(CHATTER).await;
    world.hears([says("b", "U1", 0, "for lease")]).await;
    world.turn_at(LEASE, "12 Elm St").await;
    world.hears([edit("a", 0, "for sale after all", 6)]).await;
    world.turn_at(SALE, "12 Elm St").await;
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1);
    assert_eq!((world.count(OPEN).await, world.notes().await), (8, vec!["for sale after all".to_owned()]));
}

#[tokio::test]
async fn two_that_take_back_at_once_leave_nothing() {
    let world = World::shared().await;
    let other = Replica::of(&world.database);
    world.hears([deletion("sale", 0, 5), deletion("lease", 0, 6)]).await;
    let (one, two) = tokio::join!(world.replica.units.amend(1), other.units.amend(1));
    assert!(one.unwrap() + two.unwrap() <= 2);
    world.look_again().await;
    assert_eq!(world.count("dispatch.signals WHERE state = 'amending'").await, 0);
    assert_eq!((world.count(OPEN).await, world.count(&format!("{OURS} AND deleted_at IS NULL")).await), (0, 0));
}
