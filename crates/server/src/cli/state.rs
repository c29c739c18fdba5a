//! What `dispatch dev` keeps on this machine besides its database: the webhook secret that `send` signs with.
//! Must not know what is signed.

use anyhow::{Context, Result};
use secrecy::SecretString;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where `dispatch dev` keeps everything.
pub const DEFAULT_FOLDER: &str = ".dispatch";

/// The file of the webhook secret.
#[must_use]
pub fn secret_file(folder: &Path) -> PathBuf {
    folder.join("slack_signing_secret")
}

/// The webhook secret of this machine, made on first use, readable by its owner only.
///
/// # Errors
/// When the file can be neither read nor made.
pub fn webhook_secret(folder: &Path) -> Result<SecretString> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let path = secret_file(folder);
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let secret = random_hex()?;
            writeln!(file, "{secret}").with_context(|| format!("cannot write {}", path.display()))?;
            Ok(secret.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Whoever copied the folder may have widened it.
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
            stored_secret(folder)
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

/// The webhook secret that `dispatch dev` made here.
///
/// # Errors
/// When there is none.
pub fn stored_secret(folder: &Path) -> Result<SecretString> {
    let path = secret_file(folder);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let secret = text.trim();
    anyhow::ensure!(!secret.is_empty(), "{} is empty; delete it and start `dispatch dev` again", path.display());
    Ok(secret.into())
}

fn random_hex() -> Result<String> {
    let mut bytes = [0u8; 32];
    let mut source = fs::File::open("/dev/urandom").context("this machine has no /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn the_secret_is_made_once_and_is_nobody_elses() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("state");
        assert!(stored_secret(&folder).is_err());
        let made = webhook_secret(&folder).expect("made");
        assert_eq!(made.expose_secret().len(), 64);
        fs::set_permissions(secret_file(&folder), fs::Permissions::from_mode(0o644)).expect("widened");
        assert_eq!(webhook_secret(&folder).expect("found").expose_secret(), made.expose_secret());
        let mode = fs::metadata(secret_file(&folder)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(secret_file(&folder), "\n").expect("emptied");
        assert!(webhook_secret(&folder).is_err());
    }
}
