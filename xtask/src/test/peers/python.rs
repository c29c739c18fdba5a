//! The vendors' own SDKs, in a Python environment under `target/peers`, from `tests/peers/requirements.txt`. Must not know
//! what is asked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::environment::{Environment, said, starts};

const REQUIREMENTS: &str = "tests/peers/requirements.txt";

/// Finds the environment or makes it: the interpreter, and whether it had to be made.
pub fn ready(root: &Path) -> Result<(PathBuf, bool)> {
    ready_in(&root.join("target/peers"), &root.join(REQUIREMENTS), OsStr::new("python3"))
}

fn ready_in(home: &Path, requirements: &Path, python3: &OsStr) -> Result<(PathBuf, bool)> {
    let environment = Environment {
        home: home.to_owned(),
        wanted: std::fs::read_to_string(requirements).with_context(|| format!("cannot read {REQUIREMENTS}"))?,
        works: &|home| starts(interpreter(home).as_os_str(), &["-c", ""]),
        make: &|draft| make(draft, requirements, python3),
    };
    Ok((interpreter(home), environment.ready()?))
}

fn interpreter(home: &Path) -> PathBuf {
    home.join("bin/python")
}

fn make(draft: &Path, requirements: &Path, python3: &OsStr) -> Result<()> {
    if !starts(python3, &["-c", ""]) {
        bail!("there is no python3: install Python 3.9 or newer with its venv module (Debian: python3-venv)");
    }
    said(Command::new(python3).args(["-m", "venv"]).arg(draft))
        .context("python3 cannot make an environment; Debian has the venv module in the package python3-venv")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    // With hashes and without what the SDKs depend on, nothing comes in that is not named in the file.
    let exact = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r"];
    said(Command::new(interpreter(draft)).args(pip).args(exact).arg(requirements))
        .context("the SDKs cannot be installed; is the package index within reach (PIP_INDEX_URL, PIP_FIND_LINKS)?")
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
            let (python, was_made) = ready_in(&home, &requirements, python3.as_os_str()).unwrap();
            assert!(python.is_file());
            made.push(was_made);
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
