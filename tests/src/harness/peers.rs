//! The vendors' own SDKs, asked in a Python process of ours (`tests/peers/peers.py`).

use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Names the interpreter that has the SDKs; `cargo xtask test` sets it.
pub const PYTHON: &str = "DISPATCH_TEST_PEERS";

/// One Python process, asked one question after another. It ends with this.
pub struct Peers {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peers {
    /// Starts it.
    ///
    /// # Panics
    /// When there is no interpreter with the SDKs.
    #[must_use]
    pub fn start() -> Self {
        let python = interpreter();
        assert!(
            python.is_file(),
            "no Python with the SDKs at {}: `cargo xtask test --fast -p dispatch-tests` makes it",
            python.display()
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/peers.py");
        let mut child = Command::new(python)
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let questions = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, questions, answers }
    }

    /// Asks `question`, an object whose `ask` names a function of the script and whose other members are its arguments.
    ///
    /// # Panics
    /// When the process ends instead of answering; it says why on stderr.
    pub fn ask<T: DeserializeOwned>(&mut self, question: &Value) -> T {
        writeln!(self.questions, "{question}").and_then(|()| self.questions.flush()).expect("the peers listen");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the peers answer");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("no answer to {question}: {error}"))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn interpreter() -> PathBuf {
    let made = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/bin/python");
    std::env::var_os(PYTHON).map_or_else(made, PathBuf::from)
}
