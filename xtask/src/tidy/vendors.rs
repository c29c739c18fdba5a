//! Each kind of library has one owner, and the domain does not reach it through others either. Must not know our arrows.

use std::collections::{BTreeMap, VecDeque};

use super::Finding;
use super::project::Project;
use super::table::{DOMAIN, TESTS, VENDORS, Vendor};

/// A library in a crate that does not own its kind.
pub fn direct(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for krate in project.crates.iter().filter(|krate| krate.name != TESTS) {
        for (used, vendor) in krate.uses.iter().filter_map(|used| Some((used, vendor_of(used)?))) {
            if !vendor.owners.contains(&krate.name.as_str()) {
                let owners = vendor.owners.join(" and ");
                findings.push(Finding::new(&krate.name, format!("uses {used}; {} belongs to {owners}", vendor.what)));
            }
        }
    }
    findings
}

/// A domain crate that reaches such a library through other crates; the chain is named.
pub fn reached(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in DOMAIN {
        for (found, chain) in tree(project, name).into_iter().filter(|(_, chain)| chain.len() > 2) {
            if let Some(vendor) = vendor_of(found) {
                findings.push(Finding::new(*name, format!("reaches {} through {}", vendor.what, chain.join(" → "))));
            }
        }
    }
    findings
}

fn vendor_of(name: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.crates.contains(&name))
}

/// Everything a crate reaches, each with a shortest chain from the crate to it.
fn tree<'a>(project: &'a Project, from: &'a str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut chains = BTreeMap::from([(from, vec![from])]);
    let mut due = VecDeque::from([from]);
    while let Some(name) = due.pop_front() {
        let chain = chains[name].clone();
        for next in project.edges.get(name).into_iter().flatten() {
            if !chains.contains_key(next.as_str()) {
                chains.insert(next, [chain.as_slice(), &[next]].concat());
                due.push_back(next);
            }
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_tests_may_hold_their_libraries() {
        let project = Project::default()
            .with_crate("dispatch-postgres", "crates/adapters/postgres", &["diesel", "diesel-async"])
            .with_crate("dispatch-cutover", "crates/cutover", &["diesel"])
            .with_crate("dispatch-server", "crates/server", &["actix-web", "utoipa"])
            .with_crate("dispatch-outbound", "crates/outbound", &["reqwest"])
            .with_crate("dispatch-tests", "tests", &["reqwest", "tokio-postgres"]);
        assert!(direct(&project).is_empty());
    }

    #[test]
    fn a_library_outside_its_owner_is_named() {
        for (krate, library) in [
            ("dispatch-pipeline", "diesel"),
            ("dispatch-server", "tokio-postgres"),
            ("dispatch-slack", "actix-web"),
            ("dispatch-llm", "reqwest"),
            ("dispatch-mission", "utoipa"),
        ] {
            let findings = direct(&Project::default().with_crate(krate, "x", &[library]));
            assert_eq!(findings.len(), 1, "{krate} with {library}");
            assert!(findings[0].message.contains(library) && findings[0].message.contains("belongs to"));
        }
    }

    #[test]
    fn the_domain_must_not_reach_a_library_through_others() {
        let project = Project::default().with_edge("dispatch-mission", "harmless").with_edge("harmless", "hyper");
        let findings = reached(&project);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.ends_with("dispatch-mission → harmless → hyper"), "{}", findings[0].message);
    }
}
