//! Finding an installed PostgreSQL that is new enough, of the right major version, and runnable by the server's account.
//!
//! It must not fetch anything.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Account, EmbeddedError, OLDEST_MAJOR};

/// The programs of one PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) version: String,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Asks the programs for their version, as the account that is to run them.
    pub(super) fn probe(folder: &Path, account: &Account) -> Result<Self, String> {
        if !folder.join("initdb").is_file() {
            return Err("there is no initdb in it".to_owned());
        }
        // Links in PATH are resolved, for PostgreSQL finds its own files beside the program.
        let folder = folder.join("postgres").canonicalize().ok().and_then(|program| Some(program.parent()?.to_owned()));
        let folder = folder.ok_or("there is no postgres in it")?;
        let output = account
            .command(&folder.join("postgres"), Path::new("/"))
            .arg("--version")
            .output()
            .map_err(|error| format!("it does not run: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        let version = version.ok_or("it does not say its version")?.to_owned();
        let digits = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        let major = digits.parse().map_err(|_| format!("its version is {version}"))?;
        Ok(Self { folder, version, major })
    }
}

/// The programs to use: what was asked for (or else nothing), otherwise the newest that fits. Data made by one major
/// version can be read by no other, so `wanted` is that version where there is data.
pub(super) fn find(
    asked: Option<&Path>,
    fetched: &Path,
    wanted: Option<u32>,
    account: &Account,
) -> Result<Binaries, EmbeddedError> {
    let fits = |found: &Binaries| wanted.map_or(found.major >= OLDEST_MAJOR, |major| found.major == major);
    let named = wanted.map_or(format!("{OLDEST_MAJOR} or newer"), |major| format!("{major}, which made the data,"));
    let asked = asked.map(Path::to_owned).or_else(|| env::var_os("PG_BIN").map(PathBuf::from));
    if let Some(path) = asked {
        return match Binaries::probe(&path, account) {
            Ok(found) if fits(&found) => Ok(found),
            Ok(found) => Err(EmbeddedError::Binaries { path, why: format!("it is {}, not {named}", found.version) }),
            Err(why) => Err(EmbeddedError::Binaries { path, why }),
        };
    }
    let places = candidates(fetched);
    let mut found: Vec<Binaries> =
        places.iter().filter_map(|place| Binaries::probe(place, account).ok()).filter(fits).collect();
    // Stable: within a major version the earlier place wins, so PATH comes before what merely lies about.
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found.into_iter().next().ok_or_else(|| EmbeddedError::NotInstalled {
        wanted: named,
        looked: "PG_BIN, PATH, /usr/lib/postgresql/*/bin and Homebrew".to_owned(),
    })
}

/// Every folder that may hold one.
fn candidates(fetched: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    for (parent, tail) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ] {
        places.extend(children(Path::new(parent)).map(|child| child.join(tail)));
    }
    places.extend(
        ["/usr/pgsql-18/bin", "/usr/pgsql-17/bin", "/usr/pgsql-16/bin", "/usr/pgsql-15/bin"].map(PathBuf::from),
    );
    // Named by their version; what an interrupted extraction left has another name.
    let complete = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
    places.extend(children(fetched).filter(complete).map(|child| child.join("bin")));
    places.retain(|place| place.join("initdb").is_file());
    places
}

fn children(parent: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fake(folder: &Path, version: &str) -> PathBuf {
        let bin = folder.join(version).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let path = bin.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Test)'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    fn me() -> Account {
        Account::Ourselves { uid: 0 }
    }

    #[test]
    fn the_version_that_made_the_data_is_the_one_used() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["99.1", "98.4", "14.2"] {
            fake(folder.path(), version);
        }
        let newest = find(None, folder.path(), None, &me()).unwrap();
        assert_eq!((newest.major, newest.version.as_str()), (99, "99.1"));
        assert_eq!(find(None, folder.path(), Some(98), &me()).unwrap().version, "98.4");
        let none = find(None, folder.path(), Some(97), &me()).unwrap_err();
        assert!(none.to_string().contains("PostgreSQL 97, which made the data, found"), "{none}");
    }

    #[test]
    fn what_was_asked_for_is_used_or_refused_but_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (fake(folder.path(), "14.2"), fake(folder.path(), "17.1"));
        assert_eq!(find(Some(&new), folder.path(), None, &me()).unwrap().version, "17.1");
        for bad in [old, folder.path().join("nowhere")] {
            let error = find(Some(&bad), folder.path(), None, &me()).unwrap_err();
            assert!(matches!(error, EmbeddedError::Binaries { .. }), "{error}");
        }
    }
}
