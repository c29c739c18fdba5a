//! The rules as data: which crates exist and where, who may depend on whom, who may hold which library, and the list of
//! checks with their cures. The one file to edit when the architecture changes. Must not check anything itself.

use super::project::Project;
use super::{Finding, arrows, files, layout, migrations, old_names, vendors, wording};

/// A crate of the layout: its name, its folder, and the workspace crates it may depend on outside its tests.
pub struct Place {
    pub name: &'static str,
    pub folder: &'static str,
    pub may_use: MayUse,
}

pub enum MayUse {
    Only(&'static [&'static str]),
    /// The composition root and the tests from outside.
    AnyBut(&'static [&'static str]),
}

const MISSION: &str = "dispatch-mission";
const CLASSIFICATION: &str = "dispatch-classification";
const ROUTING: &str = "dispatch-routing";
const PIPELINE: &str = "dispatch-pipeline";
const OUTBOUND: &str = "dispatch-outbound";
const POSTGRES: &str = "dispatch-postgres";
const CUTOVER: &str = "dispatch-cutover";
const SERVER: &str = "dispatch-server";
/// All test: what it holds counts as a dev-dependency does.
pub const TESTS: &str = "dispatch-tests";

const NOTHING: MayUse = MayUse::Only(&[]);
const ADAPTER: MayUse = MayUse::Only(&[MISSION, CLASSIFICATION, ROUTING, PIPELINE, OUTBOUND]);

pub const LAYOUT: &[Place] = &[
    Place { name: MISSION, folder: "crates/domain/mission", may_use: NOTHING },
    Place { name: CLASSIFICATION, folder: "crates/domain/classification", may_use: MayUse::Only(&[MISSION]) },
    Place { name: ROUTING, folder: "crates/domain/routing", may_use: MayUse::Only(&[MISSION, CLASSIFICATION]) },
    Place { name: PIPELINE, folder: "crates/pipeline", may_use: MayUse::Only(&[MISSION, CLASSIFICATION, ROUTING]) },
    Place { name: OUTBOUND, folder: "crates/outbound", may_use: NOTHING },
    Place { name: POSTGRES, folder: "crates/adapters/postgres", may_use: ADAPTER },
    Place { name: "dispatch-slack", folder: "crates/adapters/slack", may_use: ADAPTER },
    Place { name: "dispatch-sms", folder: "crates/adapters/sms", may_use: ADAPTER },
    Place { name: "dispatch-llm", folder: "crates/adapters/llm", may_use: ADAPTER },
    Place { name: "dispatch-webhook", folder: "crates/adapters/webhook", may_use: ADAPTER },
    Place { name: "dispatch-vercel", folder: "crates/adapters/vercel", may_use: ADAPTER },
    Place { name: "dispatch-identity", folder: "crates/adapters/identity", may_use: ADAPTER },
    Place { name: CUTOVER, folder: "crates/cutover", may_use: MayUse::Only(&[MISSION]) },
    Place { name: SERVER, folder: "crates/server", may_use: MayUse::AnyBut(&[TESTS, "xtask"]) },
    Place { name: TESTS, folder: "tests", may_use: MayUse::AnyBut(&["xtask"]) },
    Place { name: "xtask", folder: "xtask", may_use: NOTHING },
];

/// The crates that a domain crate must not reach even through others.
pub const DOMAIN: &[&str] = &[MISSION, CLASSIFICATION, ROUTING];

/// Libraries of one kind, and the crates that may hold them.
pub struct Vendor {
    pub what: &'static str,
    pub crates: &'static [&'static str],
    pub owners: &'static [&'static str],
}

pub const VENDORS: &[Vendor] = &[
    Vendor {
        what: "the database",
        crates: &["diesel", "diesel-async", "diesel_migrations", "tokio-postgres", "postgres", "deadpool-postgres"],
        owners: &[POSTGRES, CUTOVER],
    },
    Vendor {
        what: "the web framework",
        crates: &["actix-web", "actix-http", "actix-rt", "actix-server", "actix-service", "axum", "utoipa-swagger-ui"],
        owners: &[SERVER],
    },
    Vendor {
        what: "an HTTP client",
        crates: &["reqwest", "hyper", "hyper-util", "ureq", "awc", "isahc", "curl", "attohttpc", "minreq"],
        owners: &[OUTBOUND],
    },
    Vendor {
        what: "a library of language models",
        crates: &["rig-core", "rig-http", "rig-reqwest", "genai", "async-openai"],
        owners: &["dispatch-llm"],
    },
    Vendor { what: "the spec generator", crates: &["utoipa"], owners: &[SERVER] },
];

/// Lines of a Rust file: from here on a warning, from here on a failure.
pub const RUST_LINES_WARN: usize = 300;
pub const RUST_LINES_MAX: usize = 500;
/// Lines of a page in docs/.
pub const DOC_LINES_MAX: usize = 200;

/// Tables of the system being replaced, and the one folder that may still name them.
pub const OLD_TABLES: &[&str] = &["activities", "agent_tasks"];
pub const OLD_TABLES_OWNER: &str = "crates/cutover/";

#[derive(PartialEq, Eq)]
pub enum Level {
    Fail,
    Warn,
}

pub struct Rule {
    pub name: &'static str,
    pub level: Level,
    pub cure: &'static str,
    pub check: fn(&Project) -> Vec<Finding>,
}

const fn fail(name: &'static str, check: fn(&Project) -> Vec<Finding>, cure: &'static str) -> Rule {
    Rule { name, level: Level::Fail, cure, check }
}

pub const RULES: &[Rule] = &[
    fail(
        "dependencies point inward",
        arrows::check,
        "move the code to the side that may know the other, or declare a port there (docs/ARCHITECTURE.md)",
    ),
    fail(
        "one crate holds each kind of library",
        vendors::direct,
        "put a port in the domain crate or pipeline, and the library behind it in the owner",
    ),
    fail(
        "domain crates stay pure",
        vendors::reached,
        "turn the feature off that brings it, or replace the crate in between",
    ),
    fail(
        "every crate is in the layout",
        layout::known,
        "use a crate of the layout; a new one needs two real users and a line in xtask/src/tidy/table.rs and docs/ARCHITECTURE.md",
    ),
    fail(
        "every manifest is in the workspace",
        layout::orphans,
        "add the folder to `members` in the root Cargo.toml, or remove it",
    ),
    fail("lints come from the workspace", layout::lints, "add `[lints]` with `workspace = true` to its Cargo.toml"),
    fail(
        "a library's README is its crate doc",
        layout::readme,
        "write README.md and open src/lib.rs with #![doc = include_str!(\"../README.md\")]",
    ),
    fail(
        "no toolchain file",
        layout::toolchain,
        "remove it: `rust-version` in the root Cargo.toml says what is needed",
    ),
    fail(
        "every Rust file says what it is for",
        files::header,
        "open it with `//!`: what it is for, what it must not know",
    ),
    fail("no Rust file is too long", files::too_long, "split it by what changes together; 150 lines are a good size"),
    Rule {
        name: "long Rust files",
        level: Level::Warn,
        cure: "think again whether it is one thing",
        check: files::long,
    },
    fail("no page of docs/ is too long", files::long_docs, "cut what the code says itself, or split the page"),
    fail("nothing unfinished", wording::unfinished, "finish it, or return an error that says what is missing"),
    fail(
        "no notes to oneself",
        wording::notes,
        "do it now, or open an issue and let the comment say why the code is as it is",
    ),
    fail(
        "the release before works on the migrated database",
        migrations::check,
        "add what is new and leave what is old for a release; or say why it harms nobody: `-- not compatible: …` above it",
    ),
    fail(
        "old table names only in cutover",
        old_names::check,
        "name dispatch_activities and dispatch_agent_tasks; the old names live in crates/cutover",
    ),
];
