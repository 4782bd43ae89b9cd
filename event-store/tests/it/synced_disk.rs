//! A disk as a power loss leaves it: what `record_syncs.c`, preloaded into the server, saw synchronised up to some moment, and nothing else.

use crate::server::Folder;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

/// A file or folder, whatever its name: inode number, and nanoseconds of its creation, as numbers are used again.
type Inode = (u64, u64);

/// A file or folder under its name, relative to the data folder.
#[derive(Debug, Clone)]
struct Entry {
    path: PathBuf,
    inode: Inode,
    is_folder: bool,
}

/// Records the synchronisations of one server.
pub(crate) struct SyncRecorder {
    folder: tempfile::TempDir,
    data: PathBuf,
    /// The data folder before the server started, which counts as synchronised.
    before: Disk,
}

/// Files and folders by name, and what files hold. A file without content was never synchronised: it is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    entries: Vec<Entry>,
    contents: HashMap<Inode, Vec<u8>>,
}

/// One successful `fsync` or `fdatasync`.
pub(crate) struct Sync {
    /// Where its record ends in the log, bytes.
    pub(crate) end: u64,
    inode: Inode,
    content: Vec<u8>,
    entries: Vec<Entry>,
}

impl SyncRecorder {
    /// Puts the recorder into the server that `folder` will start, and keeps what its data folder holds now.
    pub(crate) fn attach(folder: Folder) -> (Self, Folder) {
        let own = tempfile::tempdir().expect("temp dir");
        let library = own.path().join("record_syncs.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/record_syncs.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-pthread", "-o"]).arg(&library).arg(source).arg("-ldl");
        assert!(compiler.status().expect("these tests need a C compiler: cc").success());
        let data = folder.data();
        let recorder = Self { before: Disk::read(&data), data, folder: own };
        let folder = folder
            .variable("LD_PRELOAD", &library)
            .variable("RECORD_SYNCS", &recorder.data)
            .variable("RECORD_SYNCS_LOG", &recorder.log());
        (recorder, folder)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// How long the log is now, bytes: what ends there or before has been synchronised.
    pub(crate) fn position(&self) -> u64 {
        self.log().metadata().expect("the recorder has made it").len()
    }

    /// Everything that was synchronised, in its order.
    pub(crate) fn syncs(&self) -> Vec<Sync> {
        let log = std::fs::read(self.log()).expect("the recorder has made it");
        let mut reader = Reader { log: &log, at: 0, data: &self.data };
        std::iter::from_fn(|| reader.sync()).collect()
    }

    /// What is left when the power goes after these synchronisations.
    pub(crate) fn disk_after(&self, syncs: &[Sync]) -> Disk {
        let mut disk = self.before.clone();
        for sync in syncs {
            disk.contents.insert(sync.inode, sync.content.clone());
        }
        if let Some(last) = syncs.last() {
            disk.entries.clone_from(&last.entries);
        }
        disk
    }
}

impl Disk {
    /// What a folder holds.
    fn read(folder: &Path) -> Self {
        let mut disk = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).expect("readable") {
                let path = entry.expect("readable").path();
                let metadata = path.symlink_metadata().expect("nothing changes it");
                if metadata.is_symlink() {
                    // The engine makes its links anew at each start.
                    continue;
                }
                let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let inode = (metadata.ino(), born.map_or(0, |time| time.as_nanos() as u64));
                if metadata.is_dir() {
                    folders.push(path.clone());
                } else {
                    disk.contents.insert(inode, std::fs::read(&path).expect("readable"));
                }
                let path = path.strip_prefix(folder).expect("found within").to_owned();
                disk.entries.push(Entry { path, inode, is_folder: metadata.is_dir() });
            }
        }
        disk
    }

    /// Makes a folder that holds it.
    pub(crate) fn write(&self, folder: &Path) {
        for entry in self.entries.iter().filter(|entry| entry.is_folder) {
            std::fs::create_dir_all(folder.join(&entry.path)).expect("made");
        }
        for entry in self.entries.iter().filter(|entry| !entry.is_folder) {
            let path = folder.join(&entry.path);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
            std::fs::write(path, self.contents.get(&entry.inode).map_or(&[][..], Vec::as_slice))
                .expect("written");
        }
    }
}

/// Reads the recorder's log: its form stands in `record_syncs.c`.
struct Reader<'l> {
    log: &'l [u8],
    at: usize,
    data: &'l Path,
}

impl Reader<'_> {
    /// The next record; nothing at the end, or when the server was killed before it had written the whole of it.
    fn sync(&mut self) -> Option<Sync> {
        let head = self.line()?;
        let mut numbers = head.strip_prefix("F ").expect("a record begins").split(' ');
        let mut number = || numbers.next()?.parse::<u64>().ok();
        let (inode, born, size) = (number()?, number()?, number()?);
        let content = self.log.get(self.at..self.at + size as usize)?.to_vec();
        self.at += content.len() + 1;
        let mut entries = Vec::new();
        loop {
            let line = self.line()?;
            if line == "E" {
                return Some(Sync { end: self.at as u64, inode: (inode, born), content, entries });
            }
            let fields: Vec<&str> = line.splitn(4, ' ').collect();
            let [kind, inode, born, path] = fields[..] else { panic!("no entry: {line}") };
            let path = Path::new(path).strip_prefix(self.data).expect("found within").to_owned();
            let inode = (inode.parse().expect("a number"), born.parse().expect("a number"));
            entries.push(Entry { path, inode, is_folder: kind == "D" });
        }
    }

    fn line(&mut self) -> Option<String> {
        let length = self.log.get(self.at..)?.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8(self.log[self.at..self.at + length].to_vec()).expect("text");
        self.at += length + 1;
        Some(line)
    }
}
