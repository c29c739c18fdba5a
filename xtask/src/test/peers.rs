//! The vendors' own SDKs for the tests that ask them: a Python environment under `target/peers`, made once for each
//! version of `tests/peers/requirements.txt`. Must not know what is asked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where tests look for the interpreter; set by us for the run, or by a person who has one of their own.
pub const PYTHON: &str = "DISPATCH_TEST_PEERS";
/// The crate whose tests ask them.
pub const WANTED_BY: &str = "dispatch-tests";

const REQUIREMENTS: &str = "tests/peers/requirements.txt";

/// The interpreter, and whether it had to be made.
pub struct Peers {
    pub python: PathBuf,
    pub made: bool,
}

/// Finds the environment or makes it.
pub fn ready(root: &Path) -> Result<Peers> {
    ready_in(&root.join("target/peers"), &root.join(REQUIREMENTS), OsStr::new("python3"))
}

fn ready_in(home: &Path, requirements: &Path, python3: &OsStr) -> Result<Peers> {
    let wanted = std::fs::read_to_string(requirements).with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let python = home.join("bin/python");
    if is_current(home, &wanted) {
        return Ok(Peers { python, made: false });
    }
    // Made beside its place and moved there whole, so that neither a killed run nor two at once leave half of one.
    let draft = home.with_extension(std::process::id().to_string());
    let outcome = make(&draft, requirements, &wanted, python3).and_then(|()| replace(home, &draft, &wanted));
    if draft.exists() {
        std::fs::remove_dir_all(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
    }
    outcome.map(|()| Peers { python, made: true })
}

fn is_current(home: &Path, wanted: &str) -> bool {
    let made_from = std::fs::read_to_string(stamp(home)).unwrap_or_default();
    // It may have been made by another user, from a Python that this one cannot reach.
    made_from == wanted && starts(home.join("bin/python").as_os_str())
}

fn stamp(home: &Path) -> PathBuf {
    home.join("made-from.txt")
}

fn starts(python: &OsStr) -> bool {
    let status = Command::new(python).args(["-c", ""]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn make(draft: &Path, requirements: &Path, wanted: &str, python3: &OsStr) -> Result<()> {
    if !starts(python3) {
        bail!("there is no python3: install Python 3.9 or newer with its venv module (Debian: python3-venv)");
    }
    said(Command::new(python3).args(["-m", "venv"]).arg(draft))
        .context("python3 cannot make an environment; Debian has the venv module in the package python3-venv")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    // With hashes and without what the SDKs depend on, nothing comes in that is not named in the file.
    let exact = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r"];
    said(Command::new(draft.join("bin/python")).args(pip).args(exact).arg(requirements))
        .context("the SDKs cannot be installed; is the package index within reach (PIP_INDEX_URL, PIP_FIND_LINKS)?")?;
    std::fs::write(stamp(draft), wanted).with_context(|| format!("cannot write in {}", draft.display()))
}

fn replace(home: &Path, draft: &Path, wanted: &str) -> Result<()> {
    if home.exists() && !is_current(home, wanted) {
        std::fs::remove_dir_all(home)
            .with_context(|| format!("cannot replace {}; remove it as the user who made it", home.display()))?;
    }
    match std::fs::rename(draft, home) {
        // Another run was quicker; its environment is as good.
        Err(_) if is_current(home, wanted) => Ok(()),
        moved => moved.with_context(|| format!("cannot move the environment to {}", home.display())),
    }
}

/// Runs it; when it fails, its own words are part of the error.
fn said(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    bail!("{}", String::from_utf8_lossy(&words).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-peers-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A `python3` that makes environments out of itself, and counts its installations.
    fn pretender(folder: &Path, pip: &str) -> PathBuf {
        let path = folder.join("python3");
        let script = format!(
            "#!/bin/sh\ncase \"$2\" in\n\
             venv) mkdir -p \"$3/bin\" && cp \"$0\" \"$3/bin/python\" ;;\n\
             pip) echo install >> {}/installs; {pip} ;;\nesac\n",
            folder.display()
        );
        // Written by another process: one that is open for writing here could not be started.
        said(Command::new("sh").args(["-c", r#"printf %s "$1" > "$2" && chmod +x "$2""#, "sh", &script]).arg(&path))
            .unwrap();
        path
    }

    #[test]
    fn it_is_made_once_for_each_list_of_requirements() {
        let folder = folder("once");
        let (home, requirements) = (folder.join("peers"), folder.join("requirements.txt"));
        let python3 = pretender(&folder, "true");
        let mut made = Vec::new();
        for list in ["a==1", "a==1", "a==2"] {
            std::fs::write(&requirements, list).unwrap();
            let peers = ready_in(&home, &requirements, python3.as_os_str()).unwrap();
            assert!(peers.python.is_file());
            made.push(peers.made);
        }
        assert_eq!(made, [true, false, true]);
        assert_eq!(std::fs::read_to_string(folder.join("installs")).unwrap().lines().count(), 2);
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 4, "no draft is left: {left:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_missing_is_said() {
        let folder = folder("missing");
        let (home, requirements) = (folder.join("peers"), folder.join("requirements.txt"));
        std::fs::write(&requirements, "a==1").unwrap();
        let without = ready_in(&home, &requirements, folder.join("nowhere").as_os_str()).err().unwrap();
        assert!(format!("{without:#}").contains("there is no python3"), "{without:#}");
        let python3 = pretender(&folder, "echo no such index; exit 1");
        let offline = ready_in(&home, &requirements, python3.as_os_str()).err().unwrap();
        assert!(format!("{offline:#}").contains("PIP_INDEX_URL"), "{offline:#}");
        assert!(format!("{offline:#}").contains("no such index"), "{offline:#}");
        assert!(!home.exists(), "half an environment is none");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
