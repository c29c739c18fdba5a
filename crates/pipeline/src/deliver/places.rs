//! Places for sends that are under way: bounded for all, and for each destination by what is left, so that destinations
//! that hang take places from one another and never the last one. Must not know what a delivery carries.

use dispatch_routing::delivery_queue::Bounds;
use std::collections::HashMap;
use std::time::Duration;

/// Sends of one kind that are under way at the same time in one worker.
const TOTAL: u32 = 256;
/// Those of one destination at most.
const EACH: u32 = 32;
/// A destination may have this part of what is free, and one place while there is any.
const PART: u32 = 8;

/// The places of one kind.
#[derive(Default, Debug)]
pub(super) struct Places {
    taken: HashMap<String, u32>,
}

impl Places {
    pub(super) fn take(&mut self, destination: &str) {
        *self.taken.entry(destination.to_owned()).or_default() += 1;
    }

    pub(super) fn give_back(&mut self, destination: &str) {
        if let Some(taken) = self.taken.get_mut(destination) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(destination);
            }
        }
    }

    /// How many are free.
    pub(super) fn free(&self) -> u32 {
        TOTAL.saturating_sub(self.taken.values().sum())
    }

    /// What each destination may have of them.
    pub(super) fn bounds(&self, deadline: Option<Duration>) -> Bounds {
        let each = (self.free() / PART).clamp(1, EACH);
        Bounds { each: Some(each), under_way: self.taken.clone(), deadline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes for `destination` what it may have at once.
    fn fill(places: &mut Places, destination: &str) -> u32 {
        let bounds = places.bounds(None);
        let may = bounds.each.unwrap_or(0).saturating_sub(bounds.under_way.get(destination).copied().unwrap_or(0));
        let got = may.min(places.free());
        (0..got).for_each(|_| places.take(destination));
        got
    }

    #[test]
    fn who_hangs_leaves_room_for_the_others() {
        let mut places = Places::default();
        assert_eq!(fill(&mut places, "hangs-0"), EACH, "one alone has what it likes");
        assert_eq!(fill(&mut places, "hangs-0"), 0);
        for number in 1..30 {
            fill(&mut places, &format!("hangs-{number}"));
        }
        assert!(places.free() > 0, "{places:?}");
        for _ in 0..1_000 {
            assert!(fill(&mut places, "lives") > 0, "one that lives is never without a place");
            places.give_back("lives");
            while places.bounds(None).under_way.contains_key("lives") {
                places.give_back("lives");
            }
        }
        for number in 0..30 {
            while places.bounds(None).under_way.contains_key(&format!("hangs-{number}")) {
                places.give_back(&format!("hangs-{number}"));
            }
        }
        assert_eq!((places.free(), places.taken.len()), (TOTAL, 0), "all are given back");
    }
}
