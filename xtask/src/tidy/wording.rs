//! Words that say the work is not done. String literals are free: people may write what they like to us.

use super::Finding;
use super::lexer::{Kind, pieces};
use super::project::Project;

/// Macros that panic where code should be.
pub fn unfinished(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in ["todo!", "unimplemented!"] {
        search(project, &[Kind::Code], name, |place| findings.push(Finding::new(place, format!("`{name}` panics"))));
    }
    findings
}

/// The note that nobody comes back to.
pub fn notes(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    search(project, &[Kind::Code, Kind::Comment], "TODO", |place| {
        findings.push(Finding::new(place, "a note to oneself in the source"));
    });
    findings
}

fn search(project: &Project, kinds: &[Kind], word: &str, mut found: impl FnMut(String)) {
    for file in project.rust_files() {
        for piece in pieces(&file.text).iter().filter(|piece| kinds.contains(&piece.kind)) {
            for (at, _) in piece.text.match_indices(word).filter(|(at, _)| is_whole(piece.text, *at, word)) {
                let line = piece.line + piece.text[..at].matches('\n').count();
                found(format!("{}:{line}", file.path));
            }
        }
    }
}

fn is_whole(text: &str, at: usize, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn unfinished_code_is_named_by_line() {
        let project = Project::default()
            .with_file("a.rs", "//! x\nfn f() {\n    todo!(\"later\")\n}\nfn g() { unimplemented!() }\n")
            .with_file("b.rs", "// todo!() in a comment\nconst A: &str = \"todo!()\"; my_todo!();\n");
        assert_eq!(places(unfinished(&project)), ["a.rs:3", "a.rs:5"]);
    }

    #[test]
    fn notes_are_named_but_not_in_strings() {
        let project = Project::default()
            .with_file("a.rs", "//! x\n// TODO: more\n/* one\n TODO */\n")
            .with_file("b.rs", "const A: &str = \"TODO: call the buyer\"; // TODOS, MASTODON\n")
            .with_file("c.md", "TODO\n");
        assert_eq!(places(notes(&project)), ["a.rs:2", "a.rs:4"]);
    }
}
