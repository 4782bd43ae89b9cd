//! Confines the process to its data folder, by Landlock, before the engine starts.
//!
//! The engine's grants do not cover everything that reads files: the function `file()`, expressions hidden in strings
//! (`format(Values, …)`, DEFAULTs of a structure), templates of formats, executable dictionaries. A check of statements cannot
//! see them all; the kernel can. What it allows: the data folder; the control group's memory figures and the threads'
//! own scheduling figures, which the engine reads (refused, the latter cost every statement a millisecond of exceptions; the
//! environment that stands beside them has been blanked, see [`crate::engine::isolate_environment`]). Nothing can be executed, and no
//! connection be made (kernels from 6.7).

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use std::path::{Path, PathBuf};

/// Whether the process is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// The engine can open files in its own folder only.
    Enforced,
    /// The kernel has no Landlock: every user who may run a statement may read this user's files.
    Unavailable,
}

/// Confines the calling thread and all that it will start: to be called by `main` before any other thread exists, after
/// the library has been loaded.
pub fn restrict_to(data: &Path) -> Result<Sandbox, SandboxError> {
    // Without REFER (kernel 5.19) a confined process cannot rename between folders, which FREEZE and ATTACH need.
    let needed =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::Refer);
    if needed.and_then(Ruleset::create).is_err() {
        return Ok(Sandbox::Unavailable);
    }
    let abi = ABI::V6;
    let own = AccessFs::from_all(abi) & !AccessFs::Execute;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::ConnectTcp)?
        .create()?
        .add_rule(PathBeneath::new(open(data)?, own))?;
    for figures in ["/sys/fs/cgroup", "/proc/self/task"].map(Path::new) {
        if figures.is_dir() {
            let folder = open(figures)?;
            rules = rules.add_rule(PathBeneath::new(&folder, AccessFs::ReadFile | AccessFs::ReadDir))?;
            // Kept open: /proc makes a new inode, which no rule knows, for a folder that nobody holds.
            std::mem::forget(folder);
        }
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Sandbox::Unavailable,
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Sandbox::Enforced,
    })
}

fn open(path: &Path) -> Result<PathFd, SandboxError> {
    PathFd::new(path).map_err(|error| SandboxError::Path { path: path.to_owned(), reason: error.to_string() })
}

/// Why a kernel that can confine did not. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A folder cannot be opened.
    #[error("cannot open {path} to confine the engine to it: {reason}")]
    Path {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The kernel refused.
    #[error("cannot confine the engine to its data folder: {0}")]
    Kernel(#[from] RulesetError),
}
