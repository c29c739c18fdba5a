//! The `.env` file of a checkout: settings for `dispatch dev`, and for `dispatch send`, which must sign with the same secret.

use crate::config::process_env;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::path::Path;

/// Its name, in the folder where the command is started.
pub const DOTENV: &str = ".env";

/// Variables of this process, then those of the file; a file that cannot be read is an error, a missing one is none.
pub fn with(file: &Path) -> Result<impl Fn(&str) -> Option<String> + use<>> {
    let mut read = HashMap::new();
    if file.exists() {
        let pairs = dotenvy::from_path_iter(file).with_context(|| format!("cannot read {}", file.display()))?;
        for pair in pairs {
            let (name, value) = pair.map_err(|error| describe(file, &error))?;
            read.insert(name, value);
        }
    }
    Ok(move |name: &str| process_env(name).or_else(|| read.get(name).cloned()))
}

/// The parser's own message quotes the line, which may hold a secret.
fn describe(file: &Path, error: &dotenvy::Error) -> anyhow::Error {
    match error {
        dotenvy::Error::LineParse(_, at) => {
            anyhow::anyhow!("{} has a line that is not NAME=value (wrong at its character {at})", file.display())
        }
        _ => anyhow::anyhow!("{} cannot be read", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_fills_gaps_and_its_secrets_stay_inside() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        assert_eq!(with(&file).expect("none is fine")("DISPATCH_TEST_GAP"), None);
        std::fs::write(&file, "DISPATCH_TEST_GAP=filled # why\nPATH=never\n").expect("written");
        let env = with(&file).expect("read");
        assert_eq!(env("DISPATCH_TEST_GAP").as_deref(), Some("filled"));
        assert_ne!(env("PATH").as_deref(), Some("never"), "the environment wins");
        std::fs::write(&file, "SLACK_BOT_TOKEN xoxb-hunter2\n").expect("written");
        let error = with(&file).err().expect("not a pair").to_string();
        assert!(!error.contains("hunter2") && error.contains("NAME=value"), "{error}");
    }
}
