//! How files open and how long they are. Must not know what they say.

use super::Finding;
use super::project::{File, Project};
use super::table::{DOC_LINES_MAX, RUST_LINES_MAX, RUST_LINES_WARN};

pub fn header(project: &Project) -> Vec<Finding> {
    let opens = |file: &&File| {
        let text = file.text.trim_start();
        text.starts_with("//!") || text.starts_with("#![doc")
    };
    let silent = written(project).filter(|file| !opens(file));
    silent.map(|file| Finding::new(&file.path, "does not open with `//!`")).collect()
}

pub fn too_long(project: &Project) -> Vec<Finding> {
    let long = written(project).filter(|file| lines(file) > RUST_LINES_MAX);
    long.map(|file| counted(file, RUST_LINES_MAX)).collect()
}

pub fn long(project: &Project) -> Vec<Finding> {
    let long = written(project).filter(|file| (RUST_LINES_WARN + 1..=RUST_LINES_MAX).contains(&lines(file)));
    long.map(|file| counted(file, RUST_LINES_WARN)).collect()
}

pub fn long_docs(project: &Project) -> Vec<Finding> {
    let docs = project.files.iter().filter(|file| file.path.starts_with("docs/") && file.path.ends_with(".md"));
    docs.filter(|file| lines(file) > DOC_LINES_MAX).map(|file| counted(file, DOC_LINES_MAX)).collect()
}

/// Rust files that people wrote.
fn written(project: &Project) -> impl Iterator<Item = &File> {
    project.rust_files().filter(|file| !file.is_generated())
}

fn lines(file: &File) -> usize {
    file.text.lines().count()
}

fn counted(file: &File, limit: usize) -> Finding {
    Finding::new(&file.path, format!("{} lines, more than {limit}", lines(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: usize) -> String {
        "//! x\n".repeat(lines)
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        let project = Project::default()
            .with_file("a/src/good.rs", "//! For this.\n")
            .with_file("a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n")
            .with_file("a/src/schema.rs", "diesel::table! {}\n")
            .with_file("a/src/bad.rs", "use std::fs;\n")
            .with_file("a/src/empty.rs", "");
        let places: Vec<_> = header(&project).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["a/src/bad.rs", "a/src/empty.rs"]);
    }

    #[test]
    fn long_files_warn_and_longer_ones_fail() {
        let project = Project::default()
            .with_file("a/300.rs", text(300))
            .with_file("a/301.rs", text(301))
            .with_file("a/500.rs", text(500))
            .with_file("a/501.rs", text(501))
            .with_file("a/schema.rs", text(900));
        let places = |findings: Vec<Finding>| findings.into_iter().map(|f| f.place).collect::<Vec<_>>();
        assert_eq!(places(long(&project)), ["a/301.rs", "a/500.rs"]);
        assert_eq!(places(too_long(&project)), ["a/501.rs"]);
    }

    #[test]
    fn only_pages_of_docs_are_counted() {
        let project = Project::default()
            .with_file("docs/API.md", text(200))
            .with_file("docs/ADDING.md", text(201))
            .with_file("README.md", text(400));
        let places: Vec<_> = long_docs(&project).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["docs/ADDING.md"]);
    }
}
