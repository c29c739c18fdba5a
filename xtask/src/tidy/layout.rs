//! Crates are where the layout says, and set up alike. Must not know what is in them.

use super::Finding;
use super::project::{Crate, Project};
use super::table::LAYOUT;

pub fn known(project: &Project) -> Vec<Finding> {
    let strange = |krate: &&Crate| !LAYOUT.iter().any(|place| place.name == krate.name && place.folder == krate.folder);
    let finding = |krate: &Crate| match LAYOUT.iter().find(|place| place.name == krate.name) {
        Some(place) => Finding::new(&krate.folder, format!("{} belongs in {}", krate.name, place.folder)),
        None => Finding::new(&krate.folder, format!("{} is not in the layout", krate.name)),
    };
    project.crates.iter().filter(strange).map(finding).collect()
}

pub fn orphans(project: &Project) -> Vec<Finding> {
    let manifests = project.files.iter().filter_map(|file| Some((file, file.path.strip_suffix("/Cargo.toml")?)));
    let orphan = |folder: &str| !project.crates.iter().any(|krate| krate.folder == folder);
    let orphans = manifests.filter(|(_, folder)| orphan(folder));
    orphans
        .map(|(file, _)| Finding::new(&file.path, "cargo does not know this crate: nothing builds or tests it"))
        .collect()
}

pub fn lints(project: &Project) -> Vec<Finding> {
    let manifests = project.crates.iter().filter_map(|krate| project.file(&format!("{}/Cargo.toml", krate.folder)));
    let own = manifests.filter(|file| {
        let manifest: Option<toml::Table> = file.text.parse().ok();
        let inherited = manifest.as_ref().and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
        inherited != Some(true)
    });
    own.map(|file| Finding::new(&file.path, "does not inherit the workspace's lints")).collect()
}

pub fn readme(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (krate, library) in project.crates.iter().filter_map(|krate| Some((krate, krate.library.as_ref()?))) {
        if project.file(&format!("{}/README.md", krate.folder)).is_none() {
            findings.push(Finding::new(&krate.folder, "has no README.md"));
        }
        let wired = |text: &str| text.contains("#![doc = include_str!(\"../README.md\")]");
        if !project.file(library).is_some_and(|file| wired(&file.text)) {
            findings.push(Finding::new(library, "does not take its README.md as crate doc"));
        }
    }
    findings
}

pub fn toolchain(project: &Project) -> Vec<Finding> {
    let named = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("rust-toolchain"));
    let files = project.files.iter().filter(|file| named(&file.path));
    files.map(|file| Finding::new(&file.path, "pins a toolchain that a clean machine may not have")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[package]\nname = \"x\"\n[lints]\nworkspace = true\n";

    fn mission() -> Project {
        Project::default()
            .with_crate("dispatch-mission", "crates/domain/mission", &[])
            .with_library("crates/domain/mission/src/lib.rs")
            .with_file("crates/domain/mission/Cargo.toml", LINTS)
            .with_file("crates/domain/mission/README.md", "# dispatch-mission")
            .with_file("crates/domain/mission/src/lib.rs", "#![doc = include_str!(\"../README.md\")]")
    }

    #[test]
    fn a_crate_as_it_should_be_is_no_finding() {
        for check in [known, orphans, lints, readme, toolchain] {
            assert!(check(&mission()).is_empty());
        }
    }

    #[test]
    fn a_crate_outside_the_layout_or_its_place_is_named() {
        let project = Project::default().with_crate("dispatch-utils", "crates/utils", &[]).with_crate(
            "dispatch-mission",
            "crates/mission",
            &[],
        );
        let findings = known(&project);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].message.contains("not in the layout"));
        assert!(findings[1].message.contains("belongs in crates/domain/mission"));
    }

    #[test]
    fn a_manifest_that_cargo_does_not_know_is_named() {
        let findings =
            orphans(&mission().with_file("crates/lost/Cargo.toml", LINTS).with_file("Cargo.toml", "[workspace]"));
        assert_eq!(findings.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), ["crates/lost/Cargo.toml"]);
    }

    #[test]
    fn own_lints_are_named() {
        for manifest in ["[package]\n", "[lints.clippy]\nall = \"allow\"\n", "[lints]\nworkspace = false\n"] {
            let project = Project::default().with_crate("a", "a", &[]).with_file("a/Cargo.toml", manifest);
            assert_eq!(lints(&project).len(), 1, "{manifest}");
        }
    }

    #[test]
    fn a_library_without_readme_or_without_the_wire_is_named() {
        let project = Project::default()
            .with_crate("a", "a", &[])
            .with_library("a/src/lib.rs")
            .with_file("a/src/lib.rs", "//! A.");
        let places: Vec<_> = readme(&project).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["a", "a/src/lib.rs"]);
        assert!(readme(&Project::default().with_crate("tool", "tool", &[])).is_empty(), "a mere binary needs none");
    }

    #[test]
    fn a_toolchain_file_is_named() {
        assert_eq!(toolchain(&Project::default().with_file("rust-toolchain.toml", "")).len(), 1);
        assert_eq!(toolchain(&Project::default().with_file("crates/a/rust-toolchain", "")).len(), 1);
    }
}
