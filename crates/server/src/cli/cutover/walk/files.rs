//! Where a report is kept, and how it gets there whole. It must not know what stands in it.

use super::report::Report;
use dispatch_cutover::Stop;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// JSON and Markdown: of this stem, or in this folder.
pub fn paths(wanted: &Path, spec: &str) -> (PathBuf, PathBuf) {
    let is_folder = wanted.is_dir() || wanted.as_os_str().to_string_lossy().ends_with('/');
    let stem = if is_folder { wanted.join(format!("cutover-{spec}")) } else { wanted.to_owned() };
    let stem = match stem.extension().and_then(|extension| extension.to_str()) {
        Some("md" | "json") => stem.with_extension(""),
        _ => stem,
    };
    let with = |extension: &str| {
        let mut name = stem.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    (with(".json"), with(".md"))
}

/// The report that is there, if there is one.
pub fn known(json: &Path) -> Result<Option<Report>, Stop> {
    let unusable = |why: String| {
        Stop::Usage(format!("{} is no report of a cut-over ({why}); name another with --report", json.display()))
    };
    match std::fs::read_to_string(json) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| unusable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// The file, whole or as it was before.
pub fn kept(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut file = std::fs::File::create(&name)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&name, path)
}
