//! Rebuilds when a migration changes (the macro that embeds them cannot say so) and names the state that they are in.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations");
    let mut files = Vec::new();
    collect(&migrations, &mut files);
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(&migrations).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    // A folder is watched with everything below it.
    println!("cargo::rerun-if-changed={}", migrations.display());
    println!("cargo::rustc-env=DISPATCH_MIGRATIONS={:016x}", hasher.finish());
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
