//! Small projects for the tests of the rules. Must not know any rule.

use super::project::{Crate, File, Project};

impl Project {
    /// Add a crate at its folder with the dependencies it has outside tests.
    pub fn with_crate(mut self, name: &str, folder: &str, uses: &[&str]) -> Self {
        let uses = uses.iter().map(|name| (*name).to_owned()).collect();
        self.crates.push(Crate { name: name.into(), folder: folder.into(), uses, library: None });
        self
    }

    /// Give the last crate a library.
    pub fn with_library(mut self, path: &str) -> Self {
        self.crates.last_mut().expect("a crate first").library = Some(path.into());
        self
    }

    pub fn with_file(mut self, path: &str, text: impl Into<String>) -> Self {
        self.files.push(File { path: path.into(), text: text.into() });
        self
    }

    pub fn with_edge(mut self, from: &str, to: &str) -> Self {
        self.edges.entry(from.into()).or_default().insert(to.into());
        self
    }
}
