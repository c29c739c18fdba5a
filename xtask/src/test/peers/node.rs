//! A mock of language models' providers that we did not write, under `target/peers-node`, from
//! `tests/peers/node/package-lock.json`. Must not know what it is made to say.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::environment::{Environment, said, starts};

const FOLDER: &str = "tests/peers/node";
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Finds it or installs it: the script that starts the mock, and whether it had to be installed.
pub fn ready(root: &Path) -> Result<(PathBuf, bool)> {
    ready_in(&root.join("target/peers-node"), &root.join(FOLDER), OsStr::new("node"), OsStr::new("npm"))
}

fn ready_in(home: &Path, folder: &Path, node: &OsStr, npm: &OsStr) -> Result<(PathBuf, bool)> {
    let lock = folder.join(FILES[1]);
    let environment = Environment {
        home: home.to_owned(),
        wanted: std::fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?,
        works: &|home| script(home).is_file(),
        make: &|draft| make(draft, folder, node, npm),
    };
    Ok((script(home), environment.ready()?))
}

fn script(home: &Path) -> PathBuf {
    home.join("node_modules/@copilotkit/aimock/dist/cli.js")
}

fn make(draft: &Path, folder: &Path, node: &OsStr, npm: &OsStr) -> Result<()> {
    for program in [node, npm] {
        if !starts(program, &["--version"]) {
            bail!("there is no {}: install Node.js 20.15 or newer with npm", program.display());
        }
    }
    std::fs::create_dir_all(draft).with_context(|| format!("cannot make {}", draft.display()))?;
    for file in FILES {
        std::fs::copy(folder.join(file), draft.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    // Exactly what the lock file names, with its hashes; none of its scripts runs.
    let exact = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    said(Command::new(npm).args(exact).current_dir(draft))
        .context("the mock cannot be installed; is the registry within reach (npm config get registry)?")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for node and npm: leaves what an installation would, or says what went wrong.
    fn pretender(folder: &Path, ci: &str) -> PathBuf {
        let path = folder.join("pretender");
        let text = format!("#!/bin/sh\ncase \"$1\" in ci) {ci} ;; esac\n");
        // Written by another process: one that is open for writing here could not be started.
        said(Command::new("sh").args(["-c", r#"printf %s "$1" > "$2" && chmod +x "$2""#, "sh", &text]).arg(&path))
            .unwrap();
        path
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-node-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for file in FILES {
            std::fs::write(folder.join(file), "{}").unwrap();
        }
        folder
    }

    #[test]
    fn it_is_installed_once_for_each_lock_file() {
        let folder = folder("once");
        let place = "node_modules/@copilotkit/aimock/dist";
        let program = pretender(&folder, &format!("mkdir -p {place} && touch {place}/cli.js"));
        let mut made = Vec::new();
        for lock in ["{}", "{}", "{\"v\":2}"] {
            std::fs::write(folder.join(FILES[1]), lock).unwrap();
            let (script, was_made) =
                ready_in(&folder.join("home"), &folder, program.as_os_str(), program.as_os_str()).unwrap();
            assert!(script.is_file());
            made.push(was_made);
        }
        assert_eq!(made, [true, false, true]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_missing_is_said() {
        let folder = folder("missing");
        let home = folder.join("home");
        let nowhere = folder.join("nowhere");
        let without = ready_in(&home, &folder, nowhere.as_os_str(), nowhere.as_os_str()).err().unwrap();
        assert!(format!("{without:#}").contains("install Node.js"), "{without:#}");
        let program = pretender(&folder, "echo no such registry; exit 1");
        let offline = ready_in(&home, &folder, program.as_os_str(), program.as_os_str()).err().unwrap();
        assert!(format!("{offline:#}").contains("no such registry"), "{offline:#}");
        assert!(!home.exists(), "half an environment is none");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
