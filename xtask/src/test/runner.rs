//! The test runner: nextest where it is installed, else `cargo test`. Must not know databases or steps.

use std::path::Path;

use crate::process;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runner {
    Nextest,
    CargoTest,
}

/// Which crates a cargo command is about.
pub fn scope(packages: &[String]) -> Vec<String> {
    if packages.is_empty() {
        return vec!["--workspace".to_owned()];
    }
    packages.iter().flat_map(|name| ["-p".to_owned(), name.clone()]).collect()
}

impl Runner {
    pub fn find(root: &Path) -> Self {
        if process::has_cargo_tool(root, "nextest") { Self::Nextest } else { Self::CargoTest }
    }

    /// What comes after `cargo`.
    pub fn arguments(self, scope: &[String], extra: &[String]) -> Vec<String> {
        let mut words: Vec<&str> = match self {
            Self::Nextest => vec!["nextest", "run", "--all-features"],
            // Doc tests are a step of their own.
            Self::CargoTest => vec!["test", "--all-features", "--tests"],
        };
        words.extend(scope.iter().map(String::as_str));
        // One failure should not hide the next, unless somebody asks for that.
        if !extra.iter().any(|word| word.contains("fail-fast")) {
            words.push("--no-fail-fast");
        }
        // A crate that has no tests yet is no failure; a whole project without tests is.
        if self == Self::Nextest && scope != ["--workspace"] {
            words.push("--no-tests=warn");
        }
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        if self == Self::Nextest && !extra.iter().any(|word| word.contains("test-threads")) {
            words.push(format!("--test-threads={}", at_a_time()));
        }
        words.extend(extra.iter().cloned());
        words
    }

    /// One line for the whole run. Nextest writes it; `cargo test` writes one per binary, so they are added up.
    pub fn total(self, lines: &[String]) -> String {
        match self {
            Self::Nextest => {
                let written = lines.iter().rfind(|line| is_summary(line));
                written.map_or_else(|| "no summary: nothing ran".to_owned(), Clone::clone)
            }
            Self::CargoTest => {
                let summaries = lines.iter().filter(|line| is_summary(line));
                let sum = |what: &str| summaries.clone().map(|line| count(line, what)).sum::<u64>();
                let (passed, failed, ignored) = (sum(" passed"), sum(" failed"), sum(" ignored"));
                let verdict = if failed == 0 { "ok" } else { "FAILED" };
                let binaries = summaries.clone().count();
                format!(
                    "test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; in {binaries} binaries"
                )
            }
        }
    }

    /// The tests that failed, each once: nextest names them when they fail and again at its end.
    pub fn failures(self, lines: &[String]) -> Vec<String> {
        let mut failures: Vec<String> = Vec::new();
        for line in lines.iter().filter(|line| self.says_failed(line)) {
            if !failures.contains(line) {
                failures.push(line.clone());
            }
        }
        failures
    }

    fn says_failed(self, line: &str) -> bool {
        match self {
            // A signal is a word of its own: SIGSEGV, SIGKILL, …
            Self::Nextest => {
                let words = ["FAIL [", "TIMEOUT [", "ABORT [", "SIG"];
                words.into_iter().any(|word| line.starts_with(word)) && line.contains("s] ")
            }
            Self::CargoTest => line.starts_with("test ") && line.ends_with(" ... FAILED"),
        }
    }

    /// How to run one test again.
    pub fn again(self, packages: &[String]) -> String {
        let packages: String = packages.iter().map(|name| format!(" -p {name}")).collect();
        format!("cargo xtask test --fast{packages} -- NAME")
    }
}

/// Tests at a time. They wait for servers and databases as long as they compute; the database has connections for so many.
fn at_a_time() -> usize {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    (processors * 2).min(16)
}

/// A line, without colours and trimmed, that belongs in the closing words.
pub fn is_telling(line: &str) -> bool {
    is_summary(line) || is_failure(line)
}

fn is_summary(line: &str) -> bool {
    line.starts_with("Summary [") || line.starts_with("test result:")
}

fn is_failure(line: &str) -> bool {
    Runner::Nextest.says_failed(line) || Runner::CargoTest.says_failed(line)
}

/// The number before `what` in `test result: ok. 12 passed; 0 failed; …`.
fn count(line: &str, what: &str) -> u64 {
    let before = line.split_once(what).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_whole_workspace_or_some_crates() {
        assert_eq!(scope(&[]), ["--workspace"]);
        assert_eq!(scope(&words(&["a", "b"])), ["-p", "a", "-p", "b"]);
    }

    #[test]
    fn arguments_of_both_runners() {
        let nextest = Runner::Nextest.arguments(&scope(&[]), &[]);
        let threads = format!("--test-threads={}", at_a_time());
        assert_eq!(nextest, ["nextest", "run", "--all-features", "--workspace", "--no-fail-fast", &threads]);
        let one = Runner::Nextest.arguments(&words(&["-p", "a"]), &words(&["--fail-fast", "--test-threads=1"]));
        assert_eq!(
            one,
            ["nextest", "run", "--all-features", "-p", "a", "--no-tests=warn", "--fail-fast", "--test-threads=1"]
        );
        assert!(!Runner::CargoTest.arguments(&words(&["-p", "a"]), &[]).contains(&"--no-tests=warn".to_owned()));
    }

    #[test]
    fn summaries_are_recognised_and_added_up() {
        assert!(is_telling("Summary [   0.012s] 3 tests run: 3 passed, 0 skipped"));
        assert!(!is_telling("PASS [   0.004s] xtask a::summary"));
        let lines = words(&[
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test a::b ... FAILED",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ]);
        let total = "test result: FAILED. 15 passed; 2 failed; 1 ignored; in 2 binaries";
        assert_eq!(Runner::CargoTest.total(&lines), total);
        assert_eq!(Runner::Nextest.total(&[]), "no summary: nothing ran");
    }

    #[test]
    fn failed_tests_are_named_once() {
        let lines = words(&[
            "FAIL [   0.006s] (5/79) xtask::bin/xtask a::b",
            "Summary [   0.6s] 79 tests run: 78 passed, 1 failed, 0 skipped",
            "FAIL [   0.006s] (5/79) xtask::bin/xtask a::b",
            "SIGKILL [   1.000s] (6/79) dispatch-tests::system c",
            "test d::e ... FAILED",
        ]);
        assert!(lines.iter().all(|line| is_telling(line)));
        assert_eq!(Runner::Nextest.failures(&lines), [lines[0].as_str(), &lines[3]]);
        assert_eq!(Runner::CargoTest.failures(&lines), [lines[4].as_str()]);
    }
}
