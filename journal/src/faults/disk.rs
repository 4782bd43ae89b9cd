//! A disk that fails on request. Its files are real; beside them it holds what power loss would bring back: the old bytes of
//! each page that was written and not synced, the old file of each name.
//!
//! A sync that fails behaves as the kernel's does: the pages count as clean afterwards, so that a later sync of them succeeds
//! and brings nothing to disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use fastrand::Rng;

use crate::storage::{Disk, Storage};

/// The unit in which a disk writes all or nothing.
const PAGE: u64 = 512;

/// A disk that fails on request.
#[derive(Default)]
pub(crate) struct FaultyDisk(Mutex<Script>);

/// What is to fail, and what power loss would undo.
#[derive(Default)]
pub(crate) struct Script {
    random: Random,
    /// Reads and writes take random parts of what they are asked.
    pub(crate) short: bool,
    /// So many of the next writes, syncs and new names fail.
    pub(crate) fail_writes: u32,
    pub(crate) fail_syncs: u32,
    pub(crate) fail_folders: u32,
    /// Chance in a thousand that any write, sync or new name fails.
    pub(crate) failing: u64,
    /// Bytes that files may still grow by; no limit without.
    pub(crate) space: Option<u64>,
    /// Operations until the machine dies; no end without.
    pub(crate) alive: Option<u64>,
    /// The next operation of the thread of this name panics.
    pub(crate) panic_in: Option<&'static str>,
    /// Syncs of files that succeeded.
    pub(crate) syncs: u64,
    files: HashMap<u64, Pages>,
    names: Vec<Name>,
    removed: u64,
}

/// Random numbers that begin with seed 0 unless told otherwise.
struct Random(Rng);

impl Default for Random {
    fn default() -> Self {
        Self(Rng::with_seed(0))
    }
}

/// Old bytes by position, of pages that the next sync brings to disk and of those that no sync will.
#[derive(Default)]
struct Pages {
    file: Option<File>,
    dirty: BTreeMap<u64, Vec<u8>>,
    lost: BTreeMap<u64, Vec<u8>>,
}

/// A change of names that is not on disk yet.
enum Name {
    Renamed { from: PathBuf, to: PathBuf },
    Removed { path: PathBuf, kept: PathBuf },
}

impl FaultyDisk {
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random(&self, below: u64) -> u64 {
        self.script().random(below)
    }

    pub(crate) fn chance(&self, of_thousand: u64) -> bool {
        self.script().chance(of_thousand)
    }

    /// Power is gone: of what was not synced, some pages and names are on disk and some are not.
    pub(crate) fn lose_power(&self) {
        let mut script = self.script();
        let names = std::mem::take(&mut script.names);
        for name in names.into_iter().rev() {
            match name {
                _ if script.chance(500) => {}
                Name::Renamed { from, to } => drop(std::fs::rename(to, from)),
                Name::Removed { path, kept } => std::fs::rename(kept, path).unwrap(),
            }
        }
        let files = std::mem::take(&mut script.files);
        for Pages { file, dirty, lost } in files.into_values() {
            let file = file.unwrap();
            for (position, old) in lost.into_iter().chain(dirty) {
                if script.chance(500) {
                    file.write_all_at(&old, position).unwrap();
                }
            }
        }
    }
}

impl Script {
    /// Begins the random numbers anew.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.random.0.seed(seed);
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.random.0.u64(..below)
    }

    /// True in so many of a thousand cases.
    pub(crate) fn chance(&mut self, of_thousand: u64) -> bool {
        of_thousand > 0 && self.random(1000) < of_thousand
    }

    /// Counts an operation.
    ///
    /// # Errors
    /// When the machine is dead.
    fn begin(&mut self) -> io::Result<()> {
        let panic = self.panic_in.take_if(|name| thread::current().name() == Some(*name));
        assert!(panic.is_none(), "a panic on request");
        match &mut self.alive {
            Some(0) => Err(io::Error::other("the machine is dead")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn fails(&mut self, count: fn(&mut Script) -> &mut u32) -> bool {
        let left = count(self);
        if *left > 0 {
            *left -= 1;
            return true;
        }
        self.chance(self.failing)
    }

    fn part(&mut self, length: usize) -> usize {
        if self.short && length > 1 { 1 + self.random(length as u64) as usize } else { length }
    }

    /// Keeps the old bytes of the pages from `position` to `end`.
    fn keep_old_pages(&mut self, file: &File, position: u64, end: u64) {
        let pages = self.files.entry(file.metadata().unwrap().ino()).or_default();
        pages.file.get_or_insert_with(|| file.try_clone().unwrap());
        for page in (position / PAGE..end.div_ceil(PAGE)).map(|number| number * PAGE) {
            if let Some(old) = pages.lost.remove(&page) {
                pages.dirty.entry(page).or_insert(old);
            }
            pages.dirty.entry(page).or_insert_with(|| {
                let mut old = vec![0; PAGE as usize];
                let mut filled = 0;
                while let Ok(read @ 1..) = file.read_at(&mut old[filled..], page + filled as u64) {
                    filled += read;
                }
                old
            });
        }
    }

    /// How much of a write there is space for.
    fn take_space(&mut self, file: &File, position: u64, length: usize) -> io::Result<usize> {
        let Some(space) = self.space else { return Ok(length) };
        let now = file.metadata()?.len();
        let growth = (position + length as u64).saturating_sub(now);
        let lacking = growth.saturating_sub(space);
        let length = length.saturating_sub(lacking as usize);
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.space = Some(space - growth.min(space));
        Ok(length)
    }
}

impl Storage for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.script().begin()?;
        Disk.create(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut script = self.script();
        script.begin()?;
        let part = script.part(bytes.len());
        let part = script.take_space(file, position, part)?;
        // A write that fails can have written some of it.
        let failed = script.fails(|script| &mut script.fail_writes);
        let part = if failed { script.random(part as u64 + 1) as usize } else { part };
        script.keep_old_pages(file, position, position + part as u64);
        file.write_all_at(&bytes[..part], position)?;
        if failed { Err(io::Error::other("a write failed on request")) } else { Ok(part) }
    }

    fn read_at(&self, file: &File, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        let mut script = self.script();
        script.begin()?;
        if script.short && script.chance(100) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let part = script.part(bytes.len());
        file.read_at(&mut bytes[..part], position)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut script = self.script();
        script.begin()?;
        let failed = script.fails(|script| &mut script.fail_syncs);
        script.syncs += u64::from(!failed);
        let pages = script.files.entry(file.metadata()?.ino()).or_default();
        pages.file.get_or_insert_with(|| file.try_clone().unwrap());
        let dirty = std::mem::take(&mut pages.dirty);
        if failed {
            pages.lost.extend(dirty);
            return Err(io::Error::other("a sync failed on request"));
        }
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut script = self.script();
        script.begin()?;
        if script.fails(|script| &mut script.fail_folders) {
            return Err(io::Error::other("a folder's sync failed on request"));
        }
        script.names.clear();
        Ok(())
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        let mut script = self.script();
        script.begin()?;
        let now = file.metadata()?.len();
        script.keep_old_pages(file, length, now);
        script.space = script.space.map(|space| space + now.saturating_sub(length));
        file.set_len(length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut script = self.script();
        script.begin()?;
        script.names.push(Name::Renamed { from: from.to_owned(), to: to.to_owned() });
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut script = self.script();
        script.begin()?;
        script.removed += 1;
        let name = format!("{}-{}", path.file_name().unwrap().to_string_lossy(), script.removed);
        let folder = path.parent().unwrap().join("removed");
        std::fs::create_dir_all(&folder)?;
        let kept = folder.join(name);
        let length = std::fs::metadata(path)?.len();
        std::fs::rename(path, &kept)?;
        script.space = script.space.map(|space| space + length);
        script.names.push(Name::Removed { path: path.to_owned(), kept });
        Ok(())
    }
}
