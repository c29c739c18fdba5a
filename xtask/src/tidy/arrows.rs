//! Dependencies between our own crates point inward. Must not know libraries from elsewhere.

use super::Finding;
use super::project::Project;
use super::table::{LAYOUT, MayUse, Place};

pub fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for krate in &project.crates {
        let Some(place) = LAYOUT.iter().find(|place| place.name == krate.name) else { continue };
        let ours = krate.uses.iter().filter(|used| project.crates.iter().any(|other| other.name == **used));
        for used in ours.filter(|used| !allowed(place, used)) {
            findings.push(Finding::new(&krate.name, format!("must not depend on {used}; {}", rule_of(place))));
        }
    }
    findings
}

fn allowed(place: &Place, used: &str) -> bool {
    match place.may_use {
        MayUse::Only(names) => names.contains(&used),
        MayUse::AnyBut(names) => !names.contains(&used),
    }
}

fn rule_of(place: &Place) -> String {
    match place.may_use {
        MayUse::Only([]) => "it may use none of ours".to_owned(),
        MayUse::Only(names) => format!("of ours it may use {}", names.join(", ")),
        MayUse::AnyBut(names) => format!("it may use all but {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str, uses: &[&str]) -> Project {
        let project = Project::default().with_crate(name, "x", uses);
        LAYOUT.iter().filter(|place| place.name != name).fold(project, |p, place| p.with_crate(place.name, "y", &[]))
    }

    #[test]
    fn inward_arrows_and_foreign_crates_are_fine() {
        for (name, uses) in [
            ("dispatch-routing", &["dispatch-mission", "serde"][..]),
            ("dispatch-slack", &["dispatch-pipeline", "dispatch-outbound"]),
            ("dispatch-server", &["dispatch-postgres", "dispatch-cutover", "dispatch-pipeline"]),
            ("dispatch-tests", &["dispatch-server", "dispatch-postgres"]),
        ] {
            assert!(check(&project(name, uses)).is_empty(), "{name}");
        }
    }

    #[test]
    fn every_other_arrow_is_named() {
        for (name, used) in [
            ("dispatch-mission", "dispatch-classification"),
            ("dispatch-classification", "dispatch-routing"),
            ("dispatch-pipeline", "dispatch-postgres"),
            ("dispatch-slack", "dispatch-sms"),
            ("dispatch-slack", "dispatch-server"),
            ("dispatch-outbound", "dispatch-mission"),
            ("dispatch-cutover", "dispatch-postgres"),
            ("dispatch-server", "dispatch-tests"),
            ("xtask", "dispatch-mission"),
        ] {
            let findings = check(&project(name, &[used]));
            assert_eq!(findings.len(), 1, "{name} → {used}");
            assert!(findings[0].place == name && findings[0].message.contains(used));
        }
    }
}
