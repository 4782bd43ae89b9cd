//! The edge's own copy, on disk, of what central has acknowledged. Losing it costs resends and nothing else.

use std::io;
use std::path::{Path, PathBuf};

use footfall_daemon::file;

/// The acknowledged offset and its file.
#[derive(Debug)]
pub struct Position {
    path: PathBuf,
    saved: u64,
}

impl Position {
    /// The offset to go on from in a journal that holds `start..end`. An offset beyond the journal's end belongs to
    /// another journal (a wiped disk) and is corrected at once, so that it can never skip what comes later.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or cannot be corrected.
    pub fn open(path: &Path, start: u64, end: u64) -> io::Result<Self> {
        let found = match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        let mut position = Self { path: path.to_owned(), saved: found };
        if found > end || found < start {
            position.save(start)?;
        }
        Ok(position)
    }

    /// The offset below which central has everything.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.saved
    }

    /// Saves a new offset, on disk before it returns; does nothing when it is saved already.
    ///
    /// # Errors
    /// When it cannot be written; the old offset stays.
    pub fn save(&mut self, offset: u64) -> io::Result<()> {
        if offset != self.saved {
            file::replace(&self.path, format!("{offset}\n").as_bytes(), 0o600)?;
            self.saved = offset;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_kept_and_one_of_another_journal_is_corrected() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("position");
        let open = |start, end| Position::open(&path, start, end).expect("readable");
        assert_eq!(open(0, 100).offset(), 0);
        open(0, 100).save(70).expect("written");
        assert_eq!(open(10, 100).offset(), 70);
        assert_eq!(open(0, 50).offset(), 0);
        assert_eq!(open(0, 100).offset(), 0, "corrected for good");
        open(0, 100).save(5).expect("written");
        assert_eq!(open(20, 100).offset(), 20);
        std::fs::write(&path, "rubbish").expect("written");
        assert_eq!(open(0, 100).offset(), 0);
    }
}
